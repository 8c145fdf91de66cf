// The only file that opens the document socket.

import { WebsocketProvider } from "y-websocket";
import { readVarString, readVarUint } from "lib0/decoding";
import type * as Y from "yjs";
import type { OpenDocument } from "../wire/types";
import type { SavedCount } from "./frames";

const STORED = 100;
const CONDITION = 101;
const AUTH = 2;

/** The hive's own word on a document: frames of type 101. */
export interface Told {
  state: "live" | "read_only" | "unsaved";
  code?: string;
  detail: string;
  hint: string;
}

export interface Ears {
  count: SavedCount;
  told(condition: Told): void;
  refused(): void;
  closed(code: number, reason: string): void;
  changed(): void;
}

// Codes after which asking again cannot help. 4408 (slow or paused) and 1011 are tried again.
const FINAL = [4401, 4403, 4404, 4409, 4413];

export function connect(doc: Y.Doc, open: OpenDocument, ears: Ears): WebsocketProvider {
  class CountingSocket extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      ears.count.begin();
    }
    override send(data: Parameters<WebSocket["send"]>[0]) {
      if (data instanceof Uint8Array) ears.count.sending(data);
      super.send(data);
    }
  }

  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const params = { generation: open.generation, stored: 1, ...open.params };
  const provider = new WebsocketProvider(
    `${scheme}://${location.host}${open.url}`,
    open.room,
    doc,
    {
      connect: false,
      disableBc: true,
      params: Object.fromEntries(
        Object.entries(params).map(([key, value]) => [key, String(value)]),
      ),
      WebSocketPolyfill: CountingSocket as typeof WebSocket,
      shouldReconnect: (event: CloseEvent) => !FINAL.includes(event.code),
    },
  );

  const handlers = provider.messageHandlers;
  handlers[STORED] = (_encoder, decoder) => ears.count.told(readVarUint(decoder));
  handlers[CONDITION] = (_encoder, decoder) =>
    ears.told(JSON.parse(readVarString(decoder)) as Told);
  handlers[AUTH] = () => ears.refused();

  provider.on("connection-close", (event) => ears.closed(event?.code ?? 1006, event?.reason ?? ""));
  provider.on("status", () => ears.changed());
  provider.on("sync", () => ears.changed());
  provider.connect();
  return provider;
}
