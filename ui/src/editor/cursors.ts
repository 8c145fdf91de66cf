// Draws the others' carets and selections: each in the person's hue, the label shown for a
// moment after each movement. y-codemirror.next shows labels on hover only and does not
// redraw a renamed person.

import { EditorSelection, StateEffect, type Extension } from "@codemirror/state";
import {
  EditorView,
  layer,
  RectangleMarker,
  ViewPlugin,
  type LayerMarker,
  type ViewUpdate,
} from "@codemirror/view";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import { edges } from "./edges";
import { carets, ownCursor, type Caret } from "./people";

const LABEL_MS = 2000;

export const moved = StateEffect.define<null>();

const isMoved = (update: ViewUpdate): boolean =>
  update.transactions.some((one) => one.effects.some((effect) => effect.is(moved)));

class CaretMarker implements LayerMarker {
  constructor(
    readonly caret: Caret,
    readonly place: { left: number; top: number; height: number },
    readonly fresh: boolean,
  ) {}

  eq(other: CaretMarker): boolean {
    const [a, b] = [this, other];
    return (
      a.caret.client === b.caret.client &&
      a.caret.name === b.caret.name &&
      a.caret.hue === b.caret.hue &&
      a.fresh === b.fresh &&
      a.place.left === b.place.left &&
      a.place.top === b.place.top &&
      a.place.height === b.place.height
    );
  }

  draw(): HTMLElement {
    const caret = document.createElement("div");
    caret.append(document.createElement("span"));
    this.#fill(caret);
    return caret;
  }

  update(caret: HTMLElement, old: LayerMarker): boolean {
    if ((old as CaretMarker).caret.client !== this.caret.client) return false;
    this.#fill(caret);
    return true;
  }

  #fill(caret: HTMLElement) {
    const { left, top, height } = this.place;
    caret.className = `sk-caret${this.fresh ? " sk-fresh" : ""}${top < 20 ? " sk-first" : ""}`;
    caret.dataset.name = this.caret.name;
    caret.style.cssText = `left:${left}px;top:${top}px;height:${height}px;--hue:var(--hue-${this.caret.hue})`;
    caret.firstElementChild!.textContent = this.caret.name;
  }
}

/** Follows awareness: remembers who moved when, and asks for a redraw at most once a frame. */
class Watcher {
  list: Caret[] = [];
  #movedAt = new Map<number, number>();
  #asked = false;
  #frame = 0;
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #ended = false;

  constructor(
    readonly view: EditorView,
    readonly text: Y.Text,
    readonly awareness: Awareness,
  ) {
    awareness.on("change", this.#changed);
    this.#read();
  }

  fresh(client: number): boolean {
    return Date.now() - (this.#movedAt.get(client) ?? 0) < LABEL_MS;
  }

  update(update: ViewUpdate) {
    if (update.docChanged) this.#read();
    if (update.selectionSet || update.docChanged || update.focusChanged) this.#tell(update);
  }

  destroy() {
    this.#ended = true;
    cancelAnimationFrame(this.#frame);
    for (const timer of this.#timers) clearTimeout(timer);
    this.awareness.off("change", this.#changed);
  }

  #read() {
    const doc = this.text.doc;
    if (doc) this.list = carets(this.awareness.states, doc.clientID, this.text);
  }

  #changed = (change: { added: number[]; updated: number[] }) => {
    const before = new Map(this.list.map((one) => [one.client, one]));
    this.#read();
    for (const caret of this.list) {
      const known = before.get(caret.client);
      const still = known?.head === caret.head && known.anchor === caret.anchor;
      if (still || ![...change.added, ...change.updated].includes(caret.client)) continue;
      this.#movedAt.set(caret.client, Date.now());
      this.#later(LABEL_MS + 20);
    }
    this.#redraw();
  };

  #later(ms: number) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#redraw();
    }, ms);
    this.#timers.add(timer);
  }

  #redraw() {
    if (this.#asked) return;
    this.#asked = true;
    this.#frame = requestAnimationFrame(() => {
      this.#asked = false;
      if (!this.#ended) this.view.dispatch({ effects: moved.of(null) });
    });
  }

  #tell(update: ViewUpdate) {
    const state = this.awareness.getLocalState() as { cursor?: unknown } | null;
    if (!state || (!update.view.hasFocus && !state.cursor)) return;
    const { anchor, head } = update.state.selection.main;
    // While a change of the text is on its way into Yjs, positions are read after it.
    queueMicrotask(() => {
      if (this.#ended || anchor > this.text.length || head > this.text.length) return;
      const next = ownCursor(this.text, anchor, head);
      const now = this.awareness.getLocalState() as { cursor?: unknown } | null;
      if (now && JSON.stringify(next) !== JSON.stringify(now.cursor)) {
        this.awareness.setLocalStateField("cursor", next);
      }
    });
  }
}

export function cursors(text: Y.Text, awareness: Awareness): Extension {
  const watcher = ViewPlugin.define((view) => new Watcher(view, text, awareness));
  const listed = (view: EditorView) => {
    const { length } = view.state.doc;
    return (view.plugin(watcher)?.list ?? []).filter((c) => c.head <= length && c.anchor <= length);
  };
  const redraw = (update: ViewUpdate) => update.docChanged || isMoved(update);

  const selections = layer({
    above: false,
    class: "sk-selections",
    update: redraw,
    markers: (view) =>
      listed(view).flatMap(({ anchor, head, hue }) =>
        anchor === head
          ? []
          : RectangleMarker.forRange(
              view,
              `sk-selection sk-hue-${hue}`,
              EditorSelection.range(anchor, head),
            ),
      ),
  });

  const lines = layer({
    above: true,
    class: "sk-carets",
    update: redraw,
    markers: (view) =>
      listed(view).flatMap((caret) => {
        const [box] = RectangleMarker.forRange(view, "", EditorSelection.cursor(caret.head));
        if (!box) return [];
        const place = { left: box.left, top: box.top, height: box.height };
        return [new CaretMarker(caret, place, view.plugin(watcher)?.fresh(caret.client) ?? false)];
      }),
  });

  return [watcher, selections, lines, edges(listed, isMoved)];
}
