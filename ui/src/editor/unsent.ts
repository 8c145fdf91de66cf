// Edits that the hive has not stored yet, kept in this browser until it has.

import { createStore, del, entries, get, keys, set, type UseStore } from "idb-keyval";
import { linkOf } from "../paths";

export interface Unsent {
  generation: string;
  /** A Yjs update with everything since the stored state. */
  update: Uint8Array;
  /** The text the hive had, and the text of this page. */
  base: string;
  mine: string;
  at: number;
  /** How far the hive had each client's edits then. */
  since?: Uint8Array;
  /** How many edits wait, as a person counts them. */
  edits?: number;
}

const OLD_MS = 90 * 24 * 3600_000;

// Guest and owner of one browser must never share what they typed.
const keyOf = (file: string): string => `${linkOf(location.pathname) ?? "owner"}/${file}`;

let opened: UseStore | undefined;
const store = (): UseStore => (opened ??= createStore("skep-unsent", "edits"));

/** Private windows may refuse storage: then edits live in the page only. */
const quietly = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await work();
  } catch {
    return undefined;
  }
};

export const unsent = {
  load: (file: string) => quietly(() => get<Unsent>(keyOf(file), store())),
  keep: (file: string, edits: Unsent) => quietly(() => set(keyOf(file), edits, store())),
  drop: (file: string) => quietly(() => del(keyOf(file), store())),
  /** How many files of this link, or of the owner, have edits that wait. */
  waiting: async () => {
    const own = keyOf("");
    const all = await quietly(() => keys<string>(store()));
    return all?.filter((key) => key.startsWith(own)).length ?? 0;
  },
  tidy: (now: number) =>
    quietly(async () => {
      for (const [key, value] of await entries<string, Unsent>(store())) {
        if (now - value.at > OLD_MS) await del(key, store());
      }
    }),
};
