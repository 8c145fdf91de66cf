// Three texts laid beside each other, line by line: what each side changed, and where they meet.

import { diff } from "@codemirror/merge";

/** A run of lines. `same`: nobody changed it. `clash`: both did, each in another way. */
export interface Strand {
  kind: "same" | "first" | "second" | "both" | "clash";
  base: string[];
  first: string[];
  second: string[];
}

export type Take = "first" | "second" | "both" | "base";

interface Change {
  fromA: number;
  toA: number;
  fromB: number;
  toB: number;
}

export const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** One character for each different line, so that texts can be compared line by line. */
class Alphabet {
  #codes = new Map<string, string>();
  full = false;

  spell(lines: string[]): string {
    return lines.map((line) => this.#of(line)).join("");
  }

  #of(line: string): string {
    const known = this.#codes.get(line);
    if (known) return known;
    const at = this.#codes.size + 1;
    // Beyond the surrogates there are still enough; a text with more lines is not merged by hand.
    const code = at < 0xd800 ? at : at + 0x800;
    if (code > 0xfffe) this.full = true;
    const made = String.fromCharCode(Math.min(code, 0xfffe));
    this.#codes.set(line, made);
    return made;
  }
}

const changesOf = (a: string, b: string): Change[] =>
  diff(a, b, { scanLimit: 4000, timeout: 1500 }).map(({ fromA, toA, fromB, toB }) => ({
    fromA,
    toA,
    fromB,
    toB,
  }));

/** Lays the sides beside what both were made from; null when a text has too many lines. */
export function weave(base: string, first: string, second: string): Strand[] | null {
  const alphabet = new Alphabet();
  const lines = { base: linesOf(base), first: linesOf(first), second: linesOf(second) };
  const spelled = alphabet.spell(lines.base);
  const one = changesOf(spelled, alphabet.spell(lines.first));
  const two = changesOf(spelled, alphabet.spell(lines.second));
  if (alphabet.full) return null;
  const strands: Strand[] = [];
  const same = (from: number, to: number) => {
    const part = lines.base.slice(from, to);
    if (part.length) strands.push({ kind: "same", base: part, first: part, second: part });
  };
  const sides = [
    { all: lines.first, changes: one, next: 0, shift: 0 },
    { all: lines.second, changes: two, next: 0, shift: 0 },
  ] as const;
  let at = 0;
  for (;;) {
    const from = Math.min(...sides.map(({ changes, next }) => changes[next]?.fromA ?? Infinity));
    if (from === Infinity) break;
    const before = sides.map(({ next, shift }) => ({ next, shift }));
    const to = grow(sides, from);
    const [first, second] = sides.map(({ all, shift }, side) =>
      all.slice(from + before[side]!.shift, to + shift),
    ) as [string[], string[]];
    const moved = sides.map(({ next }, side) => next > before[side]!.next);
    same(at, from);
    const part = { base: lines.base.slice(from, to), first, second };
    strands.push({ kind: kindOf(moved[0]!, moved[1]!, part), ...part });
    at = to;
  }
  same(at, lines.base.length);
  return strands;
}

interface Side {
  changes: Change[];
  next: number;
  shift: number;
}

/** Takes all changes that touch each other: whoever merges must see them together. */
function grow(sides: readonly Side[], from: number): number {
  let to = from;
  for (let more = true; more;) {
    more = false;
    for (const side of sides) {
      for (let one = side.changes[side.next]; one && one.fromA <= to;) {
        to = Math.max(to, one.toA);
        side.shift += one.toB - one.fromB - (one.toA - one.fromA);
        side.next += 1;
        more = true;
        one = side.changes[side.next];
      }
    }
  }
  return to;
}

function kindOf(
  one: boolean,
  two: boolean,
  { first, second }: { first: string[]; second: string[] },
): Strand["kind"] {
  if (!two) return "first";
  if (!one) return "second";
  return first.join("") === second.join("") ? "both" : "clash";
}

/** Two texts without what they were made from: every difference is a place to choose. */
export function weaveTwo(first: string, second: string): Strand[] | null {
  const alphabet = new Alphabet();
  const [one, two] = [linesOf(first), linesOf(second)];
  const changes = changesOf(alphabet.spell(one), alphabet.spell(two));
  if (alphabet.full) return null;
  const strands: Strand[] = [];
  let at = 0;
  const same = (to: number) => {
    const part = one.slice(at, to);
    if (part.length) strands.push({ kind: "same", base: part, first: part, second: part });
  };
  for (const { fromA, toA, fromB, toB } of changes) {
    same(fromA);
    strands.push({
      kind: "clash",
      base: [],
      first: one.slice(fromA, toA),
      second: two.slice(fromB, toB),
    });
    at = toA;
  }
  same(one.length);
  return strands;
}

/** What is taken of a strand when nobody has chosen: the change, where only one side has one. */
export function usual(strand: Strand): Take {
  if (strand.kind === "second") return "second";
  return "first";
}

const ended = (lines: string[]): string => {
  const text = lines.join("");
  return text && !text.endsWith("\n") ? `${text}\n` : text;
};

export function taken(strand: Strand, take: Take): string {
  if (take === "both") {
    if (strand.kind !== "clash") return taken(strand, usual(strand));
    return strand.second.length
      ? ended(strand.first) + strand.second.join("")
      : ended(strand.first);
  }
  return strand[take].join("");
}

/** The merged text of these choices, by number of the strand. */
export const knit = (strands: Strand[], takes: ReadonlyMap<number, Take>): string =>
  strands.map((strand, at) => taken(strand, takes.get(at) ?? usual(strand))).join("");

/** Numbers of the strands where somebody has to choose. */
export const clashes = (strands: Strand[]): number[] =>
  strands.flatMap((strand, at) => (strand.kind === "clash" ? [at] : []));
