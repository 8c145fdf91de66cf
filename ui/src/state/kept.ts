// What the owner's own browser keeps to go on while the hive is away: who they are, and the texts
// they opened last. Nothing here on guests' pages: they keep no copy of what they were shown.

import { clear, createStore, entries, get, set, del, type UseStore } from "idb-keyval";
import { linkOf } from "../paths";
import type { Me, OpenDocument, OpenFile } from "../wire/types";

export interface KeptText {
  file: OpenFile;
  open: OpenDocument;
  /** The whole document, as a Yjs update. */
  state: Uint8Array;
  at: number;
}

export const TEXTS_MOST = 50;
const OLD_MS = 30 * 24 * 3600_000;
const ME = "me";

let opened: UseStore | undefined;
/** Signed out: what is still open on the page writes nothing down any more. */
let ended = false;
const store = (): UseStore => (opened ??= createStore("skep-kept", "texts"));

// Only where a page can come without the hive is a copy of use.
const mayKeep = (): boolean => isSecureContext && linkOf(location.pathname) === null;

const quietly = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
  if (ended || !mayKeep()) return undefined;
  try {
    return await work();
  } catch {
    return undefined;
  }
};

/** Which of the texts are too old or too many. */
export function tooMany(texts: readonly [string, { at: number }][], now: number): string[] {
  const young = texts.filter(([, one]) => now - one.at <= OLD_MS);
  const kept = young.toSorted(([, a], [, b]) => b.at - a.at).slice(0, TEXTS_MOST);
  const names = new Set(kept.map(([key]) => key));
  return texts.map(([key]) => key).filter((key) => !names.has(key));
}

export const kept = {
  text: (file: string) => quietly(() => get<KeptText>(file, store())),
  keep: (text: KeptText) =>
    quietly(async () => {
      await set(text.file.id, text, store());
      const all = (await entries<string, KeptText>(store())).filter(([key]) => key !== ME);
      for (const key of tooMany(all, text.at)) await del(key, store());
    }),
  drop: (file: string) => quietly(() => del(file, store())),
  texts: () =>
    quietly(async () => {
      const all = (await entries<string, KeptText>(store())).filter(([key]) => key !== ME);
      return all.map(([, one]) => one).toSorted((a, b) => b.at - a.at);
    }),
  me: () => quietly(() => get<Me>(ME, store())),
  keepMe: (me: Me) => {
    ended = false;
    return quietly(() => set(ME, me, store()));
  },
  /** This browser is signed out: nothing stays. */
  forget: () => {
    const cleared = quietly(() => clear(store()));
    ended = true;
    return cleared;
  },
};
