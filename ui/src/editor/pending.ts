// What this page has written and the hive has not yet stored, as a change on the stored text.

import { diff } from "@codemirror/merge";
import { ChangeSet, Text, type ChangeSpec } from "@codemirror/state";

export interface Delta {
  retain?: number;
  insert?: unknown;
  delete?: number;
}

const SPLIT = "\n";
/** What is written with a longer pause counts as another edit. */
const PAUSE_MS = 1500;

export const textOf = (value: string): Text => Text.of(value.split(SPLIT));

/** A Yjs delta as a change of a document of `length`. */
export function changesOf(delta: readonly Delta[], length: number): ChangeSet {
  const specs: ChangeSpec[] = [];
  let at = 0;
  for (const step of delta) {
    if (step.retain) at += step.retain;
    if (typeof step.insert === "string") specs.push({ from: at, insert: textOf(step.insert) });
    if (step.delete) {
      specs.push({ from: at, to: at + step.delete });
      at += step.delete;
    }
  }
  return ChangeSet.of(specs, length);
}

/**
 * Keeps the way back from the present text to the text that the hive is known to have.
 * Own changes lengthen it; changes of others are carried through it, so that they
 * are part of both texts and never counted as one's own.
 */
export class Pending {
  #doc: Text;
  #back: ChangeSet;
  /** How many edits wait, as a person counts them. */
  edits = 0;
  #lastAt = -Infinity;

  constructor(text: string) {
    this.#doc = textOf(text);
    this.#back = ChangeSet.empty(this.#doc.length);
  }

  /** What waited when the page was left. */
  static again(base: string, mine: string, edits: number): Pending {
    const pending = new Pending(base);
    for (const { fromA, toA, fromB, toB } of diff(base, mine).toReversed()) {
      pending.own([{ retain: fromA }, { delete: toA - fromA }, { insert: mine.slice(fromB, toB) }]);
    }
    pending.edits = pending.any ? Math.max(1, edits) : 0;
    return pending;
  }

  own(delta: readonly Delta[], now = 0) {
    if (this.edits === 0 || now - this.#lastAt > PAUSE_MS) this.edits += 1;
    this.#lastAt = now;
    const change = changesOf(delta, this.#doc.length);
    this.#back = change.invert(this.#doc).compose(this.#back);
    this.#doc = change.apply(this.#doc);
  }

  others(delta: readonly Delta[]) {
    const change = changesOf(delta, this.#doc.length);
    this.#back = this.#back.map(change);
    this.#doc = change.apply(this.#doc);
  }

  stored() {
    this.edits = 0;
    this.#lastAt = -Infinity;
    this.#back = ChangeSet.empty(this.#doc.length);
  }

  get any(): boolean {
    return !this.#back.empty;
  }

  get mine(): string {
    return this.#doc.toString();
  }

  get base(): string {
    return this.#back.apply(this.#doc).toString();
  }
}
