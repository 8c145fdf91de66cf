// A page of somebody else: CodeMirror 5 with its stock binding and the stock y-websocket client.

import CodeMirror from "codemirror";
import { WebsocketProvider } from "y-websocket";
import { CodemirrorBinding } from "y-codemirror";
import * as Y from "yjs";

window.opens = ({ url, params }, room, name) => {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(url, room, doc, { params });
  const editor = CodeMirror(document.body);
  provider.awareness.setLocalStateField("user", { name: "Foreign page", color: "#3366aa" });
  new CodemirrorBinding(doc.getText(name), editor, provider.awareness);
  window.editor = editor;
  window.isSynced = () => provider.synced;
};
