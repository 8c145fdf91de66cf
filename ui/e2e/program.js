// A program at a document: the stock y-websocket client in Node, as anybody would write it.

import WebSocket from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { until } from "./until.js";

export class Program {
  doc = new Y.Doc();
  closed = [];

  /** `yjs` as `skep share FILE --json` prints it. */
  constructor(yjs, name) {
    this.content = this.doc.getText(yjs.text);
    this.line = new WebsocketProvider(yjs.url, yjs.room, this.doc, {
      params: yjs.params,
      WebSocketPolyfill: WebSocket,
      disableBc: true,
    });
    this.line.on("connection-close", (event) => this.closed.push(event?.code ?? 0));
    if (name) this.line.awareness.setLocalStateField("user", { name, color: "#3366aa" });
  }

  get text() {
    return this.content.toString();
  }

  synced() {
    return until("the program is in sync", () => this.line.synced);
  }

  /** Takes the place of a text once, as an editor's replace does. */
  replace(old, next) {
    const at = this.text.indexOf(old);
    this.doc.transact(() => {
      this.content.delete(at, old.length);
      this.content.insert(at, next);
    });
  }

  leave() {
    this.line.destroy();
    this.doc.destroy();
  }
}
