// What this page has written and the hive has not yet stored, as a change on the stored text.

import { ChangeSet, Text, type ChangeSpec } from "@codemirror/state";

export interface Delta {
  retain?: number;
  insert?: unknown;
  delete?: number;
}

const SPLIT = "\n";

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

  constructor(text: string) {
    this.#doc = textOf(text);
    this.#back = ChangeSet.empty(this.#doc.length);
  }

  own(delta: readonly Delta[]) {
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
