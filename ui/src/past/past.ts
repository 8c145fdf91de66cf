// The past of a text: what stood at a moment, what differs, who wrote it. Pure.

import type { Person } from "../wire/types";

export interface Moment {
  at: number;
  began: number;
  name: string | null;
  version: number | null;
}

export interface Stroke {
  moment: number;
  author: number;
  added: number;
  removed: number;
}

export interface Author {
  by: Person | null;
  guest: string | null;
  device: string;
  how: "typed" | "saved";
}

export interface Run {
  text: string;
  born: number;
  died?: number;
}

export interface Past {
  moments: Moment[];
  strokes: Stroke[];
  authors: Author[];
  runs: Run[];
}

/** A piece of what is shown: its stroke, and whether it is only there then, or only there later. */
export interface Piece {
  from: number;
  to: number;
  stroke: number;
  fate: "stays" | "went" | "came";
}

export interface Shown {
  text: string;
  pieces: Piece[];
}

/** The first stroke after a moment: every stroke before it had been made. */
export function strokesUntil(past: Past, moment: number): number {
  let [low, high] = [0, past.strokes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (past.strokes[middle]!.moment <= moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

const stood = (run: Run, until: number): boolean =>
  run.born < until && (run.died === undefined || run.died >= until);

/** A moment by itself or, with `compared`, together with what went and came until the last one. */
export function shown(past: Past, moment: number, compared = false): Shown {
  const until = strokesUntil(past, moment);
  const texts: string[] = [];
  const pieces: Piece[] = [];
  let at = 0;
  for (const run of past.runs) {
    const then = stood(run, until);
    const now = run.died === undefined;
    if (!then && !(compared && now)) continue;
    const fate = !compared || (then && now) ? "stays" : then ? "went" : "came";
    pieces.push({ from: at, to: at + run.text.length, stroke: run.born, fate });
    texts.push(run.text);
    at += run.text.length;
  }
  return { text: texts.join(""), pieces };
}

export const textAt = (past: Past, moment: number): string => shown(past, moment).text;

/** What turns one text into the next, found from both ends: enough for neighbours. */
export function change(before: string, after: string) {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}

/** The moment that ended then, or the last one before; the first one if all are later. */
export function placeOf(past: Past, at: number): number {
  const place = past.moments.findLastIndex((moment) => moment.at <= at);
  return Math.max(0, place);
}

/** For each line the newest stroke in it. */
export function lineStrokes({ text, pieces }: Shown): number[] {
  const lines: number[] = [];
  let newest = -1;
  for (const piece of pieces) {
    let from = piece.from;
    for (;;) {
      const end = text.indexOf("\n", from);
      if (end < 0 || end >= piece.to) break;
      lines.push(end > piece.from || newest < 0 ? Math.max(newest, piece.stroke) : newest);
      newest = -1;
      from = end + 1;
    }
    if (from < piece.to) newest = Math.max(newest, piece.stroke);
  }
  lines.push(newest);
  return lines;
}

export const nameOf = ({ by, guest }: Pick<Author, "by" | "guest">): string =>
  guest ?? (by?.name || "somebody");

/** Who made a moment, each once. */
export function makers(past: Past, moment: number): Author[] {
  const own = past.strokes.slice(strokesUntil(past, moment - 1), strokesUntil(past, moment));
  return [...new Set(own.map((stroke) => stroke.author))].flatMap(
    (place) => past.authors[place] ?? [],
  );
}

export interface Pace {
  every: number;
  step: number;
}

const PLAY_MS = 30_000;

/** How fast a past is played: a few moments slowly, thousands in half a minute. */
export function pace(moments: number): Pace {
  const every = Math.min(500, Math.max(60, PLAY_MS / Math.max(1, moments)));
  return { every, step: Math.max(1, Math.round((moments * every) / PLAY_MS)) };
}

/** "plan.md" as it was then, as a name that every system takes. */
export function copyName(name: string, at: number): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const d = new Date(at);
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  const time = `${two(d.getHours())}.${two(d.getMinutes())}.${two(d.getSeconds())}`;
  const dot = name.lastIndexOf(".");
  const [stem, end] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  return `${stem} (${day} ${time})${end}`;
}
