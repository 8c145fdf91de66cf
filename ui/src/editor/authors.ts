// Who wrote what since this page opened the document, as colours under the text. Clients are
// known by their ids in the document; whose they are, awareness told while they were here.

import { StateEffect, type Extension, type Range } from "@codemirror/state";
import {
  Decoration,
  ViewPlugin,
  type DecorationSet,
  type EditorView,
  type ViewUpdate,
} from "@codemirror/view";
import type * as Y from "yjs";

export interface Author {
  /** The same for all windows of one person. */
  key: string;
  name: string;
  /** `null`: written by a client that was never seen. */
  hue: number | null;
}

export interface Run {
  from: number;
  to: number;
  client: number;
}

const BEHIND_MS = 150;

/** The pieces of the text that are newer than `since`, each by one client, in their order. */
export function runs(text: Y.Text, since: ReadonlyMap<number, number>): Run[] {
  const list: Run[] = [];
  let at = 0;
  for (let item = text._start; item; item = item.right) {
    if (item.deleted || !item.countable) continue;
    const { client, clock } = item.id;
    // The first part of a piece may be older than the opening.
    const old = Math.min(item.length, Math.max(0, (since.get(client) ?? 0) - clock));
    const last = list.at(-1);
    if (old < item.length) {
      const [from, to] = [at + old, at + item.length];
      if (last?.client === client && last.to === from) last.to = to;
      else list.push({ from, to, client });
    }
    at += item.length;
  }
  return list;
}

const drawn = StateEffect.define<DecorationSet>();

export function authors(
  text: Y.Text,
  since: ReadonlyMap<number, number>,
  who: (client: number) => Author,
  tell: (authors: Author[]) => void,
): Extension {
  const draw = (view: EditorView): DecorationSet => {
    const { length } = view.state.doc;
    const present = new Map<string, Author>();
    const marks: Range<Decoration>[] = [];
    for (const { from, to, client } of runs(text, since)) {
      if (to > length) continue;
      const author = who(client);
      present.set(author.key, author);
      const class_ = `sk-by sk-by-${author.hue ?? "unknown"}`;
      const attributes = { title: `Written by ${author.name}` };
      marks.push(Decoration.mark({ class: class_, attributes }).range(from, to));
    }
    tell([...present.values()]);
    return Decoration.set(marks);
  };
  return ViewPlugin.define(
    (view) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const plugin = {
        marks: Decoration.none as DecorationSet,
        update(update: ViewUpdate) {
          if (update.docChanged) {
            plugin.marks = plugin.marks.map(update.changes);
            later();
          }
          for (const { effects } of update.transactions) {
            for (const effect of effects) if (effect.is(drawn)) plugin.marks = effect.value;
          }
        },
        destroy: () => clearTimeout(timer),
      };
      const later = () => {
        clearTimeout(timer);
        timer = setTimeout(() => view.dispatch({ effects: drawn.of(draw(view)) }), BEHIND_MS);
      };
      later();
      return plugin;
    },
    { decorations: (plugin) => plugin.marks },
  );
}
