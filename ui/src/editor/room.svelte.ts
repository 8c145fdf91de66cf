// One open document: its connection, its condition, its people, and what is not stored yet.

import * as Y from "yjs";
import type { WebsocketProvider } from "y-websocket";
import { api, asProblem, Problem } from "../api";
import { doubt } from "../live";
import { gather } from "../state/changes";
import { kept } from "../state/kept";
import type { Me, OpenDocument, OpenFile, Right } from "../wire/types";
import { closeWords, condition, type Condition, type Facts } from "./condition";
import { SavedCount } from "./frames";
import { watchLine } from "./line";
import { Pending, type Delta } from "./pending";
import type { Author } from "./authors";
import { inRoom, known, type InRoom } from "./people";
import { lastFirst, rebase } from "./rebase";
import { connect, type Told } from "./socket";
import { unsent } from "./unsent";

/** What the text area needs; replaced when the document becomes another generation. */
export interface Stage {
  text: Y.Text;
  awareness: WebsocketProvider["awareness"];
  /** How far each client had written when the document was opened here. */
  opened: ReadonlyMap<number, number>;
}

export interface Carried {
  base: string;
  mine: string;
}

const CALM_MS = 350;
const KEEP_MS = 300;
const DOUBT_AFTER = 3;
const AGAIN_MS = 2000;
/** The copy for when the hive is away may be so old. */
const COPY_MS = 3000;

const HEXES =
  "#c9544f #c46a2c #a87800 #878900 #4c9639 #0f9a70 #0d9696 #108fbd #4a80da #8371d4 #a862ad #c1588e".split(
    " ",
  );

export class Room {
  stage: Stage | null = $state.raw(null);
  people: InRoom[] = $state.raw([]);
  problem: Problem | null = $state.raw(null);
  right: Right = $state("view");
  condition: Condition = $state.raw({ kind: "opening", label: "Opening", detail: "" });

  readonly #count = new SavedCount(() => this.#settle());
  readonly #calm = gather(() => this.#show(), CALM_MS);
  readonly #keep = gather(() => void this.#keepUnsent(), KEEP_MS);
  readonly #copy = gather(() => void this.#keepCopy(), COPY_MS);
  #opened: OpenDocument | null = null;
  #provider: WebsocketProvider | null = null;
  #unwatch: (() => void) | null = null;
  #pending: Pending | null = null;
  #storedState: Uint8Array = new Uint8Array();
  #told: Told | null = null;
  #stopped: Facts["stopped"] = null;
  #generation = "";
  #failures = 0;
  #ended = false;
  #kept = false;
  /** Whose the clients are that were here since the page came. */
  readonly #authors = new Map<number, Author>();

  constructor(
    readonly file: OpenFile,
    private me: Me,
  ) {
    void unsent.tidy(Date.now());
    void this.#open(null);
  }

  get mayEdit(): boolean {
    const right = this.right === "edit" || this.right === "manage";
    return right && !this.#stopped && this.#told?.state !== "read_only";
  }

  get dirty(): boolean {
    return this.#pending?.any ?? false;
  }

  get text(): string {
    return this.#pending?.mine ?? "";
  }

  /** The person has another name, or the link gives another right now. */
  follow(me: Me) {
    const { right } = this.me;
    this.me = me;
    this.#introduce();
    if (me.right === right) return;
    this.right = me.right;
    this.#show();
  }

  /** The page may go at any moment: what is not sent is written down now. */
  flush() {
    if (this.dirty) void this.#keepUnsent();
  }

  end() {
    this.#ended = true;
    if (this.dirty) void this.#keepUnsent();
    else void this.#keepCopy();
    this.#close();
  }

  async #open(carried: Carried | null) {
    try {
      const open = await api.openDocument(this.file.id);
      if (this.#ended) return;
      this.problem = null;
      this.#join(open, carried);
    } catch (cause) {
      if (this.#ended) return;
      const problem = asProblem(cause);
      if (problem.code === "unreachable") {
        const copy = carried ? undefined : await kept.text(this.file.id);
        if (this.#ended) return;
        if (copy) return this.#join(copy.open, null, copy.state);
        setTimeout(() => void this.#open(carried), AGAIN_MS);
        if (carried) return;
      }
      if (carried) this.#stopped = problem;
      else this.problem = problem;
      this.#show();
    }
  }

  /** `copy`: the document as this browser kept it, while the hive is away. */
  #join(open: OpenDocument, carried: Carried | null, copy?: Uint8Array) {
    const doc = new Y.Doc();
    const text = doc.getText(open.text);
    if (copy) Y.applyUpdate(doc, copy, this);
    this.#opened = open;
    this.right = open.right;
    this.#generation = String(open.generation);
    this.#told = null;
    this.#provider = connect(doc, open, {
      count: this.#count,
      told: (told) => {
        this.#told = told.state === "live" ? null : told;
        this.#show();
      },
      refused: () => this.#show(),
      closed: (code, reason) => void this.#closed(code, reason),
      changed: () => this.#show(),
    });
    this.#unwatch = watchLine(this.#provider, () => this.condition.kind === "saving");
    this.#provider.awareness.on("change", () => this.#meet());
    this.#introduce();
    const begin = () => void this.#begin(doc, text, carried, Boolean(copy));
    if (copy) begin();
    else this.#provider.once("sync", begin);
  }

  /** After the first sync: bring back what was not sent, then let the person write. */
  async #begin(doc: Y.Doc, text: Y.Text, carried: Carried | null, away: boolean) {
    const old = await unsent.load(this.file.id);
    if (this.#ended || this.#provider?.doc !== doc) return;
    const same = old?.generation === this.#generation;
    if (away && old && same) {
      // The copy may hold what was not sent: what the hive has is what was written down then.
      Y.applyUpdate(doc, old.update, this);
      this.#pending = Pending.again(old.base, text.toString(), old.edits ?? 1);
      this.#storedState = old.since ?? Y.encodeStateVector(new Y.Doc());
    } else {
      this.#pending = new Pending(text.toString());
      this.#storedState = Y.encodeStateVector(doc);
    }
    const opened = Y.decodeStateVector(Y.encodeStateVector(doc));
    text.observe((event, transaction) => {
      if (transaction.local) this.#pending?.own(event.delta as Delta[], Date.now());
      else this.#pending?.others(event.delta as Delta[]);
      if (this.dirty) this.#keep.ask();
      // Not settled here: the frame with this edit is counted only after this observer.
      this.#show();
    });
    if (carried) {
      carry(text, carried);
    } else if (old && same) {
      if (!away) doc.transact(() => Y.applyUpdate(doc, old.update), this);
    } else if (old) {
      carry(text, old);
    }
    this.#kept = Boolean(old);
    this.stage = { text, awareness: this.#provider.awareness, opened };
    this.#settle();
  }

  #introduce() {
    const { id, name, hue } = this.me.person;
    const user = { person: id, name: name || "Guest", hue, color: HEXES[hue] ?? HEXES[0] };
    this.#provider?.awareness.setLocalStateField("user", user);
  }

  #meet() {
    const provider = this.#provider;
    if (!provider) return;
    const { states } = provider.awareness;
    this.people = inRoom(states, provider.doc.clientID);
    for (const [client, author] of known(states)) this.#authors.set(client, author);
  }

  /** Who is behind a client's id. */
  author(client: number): Author {
    const { id, name, hue } = this.me.person;
    if (client === this.#provider?.doc.clientID) return { key: id, name: name || "you", hue };
    const unknown = { key: "", name: "somebody who was not seen here", hue: null };
    return this.#authors.get(client) ?? unknown;
  }

  #settle() {
    const provider = this.#provider;
    if (provider?.synced) this.#failures = 0;
    if (provider?.synced && this.#count.saved && this.#pending) {
      this.#pending.stored();
      this.#storedState = Y.encodeStateVector(provider.doc);
      if (this.#kept) {
        this.#kept = false;
        void unsent.drop(this.file.id);
      }
      this.#copy.ask();
      this.#calm.ask();
    } else {
      this.#show();
    }
  }

  #show() {
    const provider = this.#provider;
    this.condition = condition({
      opened: this.stage !== null,
      connected: provider?.wsconnected ?? false,
      synced: provider?.synced ?? false,
      saved: this.#count.saved,
      mayEdit: this.right === "edit" || this.right === "manage",
      dirty: this.dirty,
      edits: this.#pending?.edits ?? 0,
      told: this.#told,
      stopped: this.#stopped,
    });
  }

  async #keepUnsent() {
    const pending = this.#pending;
    const doc = this.#provider?.doc;
    if (!pending?.any || !doc) return;
    this.#kept = true;
    await this.#keepCopy();
    await unsent.keep(this.file.id, {
      generation: this.#generation,
      update: Y.encodeStateAsUpdate(doc, this.#storedState),
      base: pending.base,
      mine: pending.mine,
      at: Date.now(),
      since: this.#storedState,
      edits: pending.edits,
    });
    if (!pending.any && this.#pending === pending) {
      this.#kept = false;
      void unsent.drop(this.file.id);
    }
  }

  /** The whole text, for when the hive is away; guests' browsers keep none. */
  async #keepCopy() {
    const doc = this.#provider?.doc;
    const open = this.#opened;
    if (!doc || !open || !this.stage || this.#stopped || this.me.link) return;
    const file = this.file;
    await kept.keep({ file, open, state: Y.encodeStateAsUpdate(doc), at: Date.now() });
  }

  async #closed(code: number, reason: string) {
    if (this.#ended) return;
    if (code === 4409) return this.#startAgain();
    if ([4401, 4403, 4404, 4413].includes(code)) {
      this.#stopped = closeWords(code, reason);
      void kept.drop(this.file.id);
      if (!this.stage)
        this.problem = new Problem(code, "closed", this.#stopped.detail, this.#stopped.hint);
      return this.#show();
    }
    this.#failures += 1;
    doubt();
    this.#show();
    if (this.#failures % DOUBT_AFTER === 0) await this.#ask();
  }

  /** The socket fails again and again: the hive may know why. */
  async #ask() {
    const open = await api.openDocument(this.file.id).catch((cause: unknown) => asProblem(cause));
    if (this.#ended || this.#provider?.wsconnected) return;
    if (open instanceof Error) {
      if (open.code === "unreachable" || open.status >= 500 || open.code === "slow_down") return;
      this.#stopped = open;
      this.#provider?.disconnect();
      this.#show();
    } else if (String(open.generation) !== this.#generation) {
      this.#startAgain();
    }
  }

  #startAgain() {
    const pending = this.#pending;
    const carried = pending?.any
      ? { base: pending.base, mine: pending.mine }
      : { base: "", mine: "" };
    this.#close();
    this.#show();
    void this.#open(carried);
  }

  #close() {
    this.#keep.end();
    this.#copy.end();
    this.#calm.end();
    this.#unwatch?.();
    const provider = this.#provider;
    this.#provider = null;
    provider?.destroy();
    provider?.doc.destroy();
  }
}

/** Puts the difference from `base` to `mine` into a document of another generation. */
function carry(text: Y.Text, { base, mine }: Carried) {
  const edits = rebase(base, mine, text.toString());
  text.doc?.transact(() => {
    for (const { from, to, insert } of lastFirst(edits)) {
      text.delete(from, to - from);
      text.insert(from, insert);
    }
  }, "carried");
}
