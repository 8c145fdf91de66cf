// Carries unsent edits onto another generation of a document: by text, never by history.

import { diff } from "@codemirror/merge";
import { ChangeSet } from "@codemirror/state";
import { textOf } from "./pending";

interface Edit {
  from: number;
  to: number;
  insert: string;
}

const edits = (before: string, after: string): Edit[] =>
  diff(before, after).map(({ fromA, toA, fromB, toB }) => ({
    from: fromA,
    to: toA,
    insert: after.slice(fromB, toB),
  }));

/** What of `mine` is not yet done by `theirs` at the same place; null when nothing is left. */
function remaining(mine: Edit, theirs: Edit[]): Edit | null {
  const twin = theirs.find((edit) => edit.from === mine.from && edit.to === mine.to);
  if (!twin) return mine;
  if (twin.insert.startsWith(mine.insert)) return null;
  if (!mine.insert.startsWith(twin.insert)) return mine;
  // The hive had stored the beginning of what was typed: only the rest is new.
  return { from: mine.to, to: mine.to, insert: mine.insert.slice(twin.insert.length) };
}

/** Edits that turn `theirs` into `theirs` with the difference from `base` to `mine`. */
export function rebase(base: string, mine: string, theirs: string): Edit[] {
  if (mine === theirs || mine === base) return [];
  const theirEdits = edits(base, theirs);
  const left = edits(base, mine)
    .map((edit) => remaining(edit, theirEdits))
    .filter((edit) => edit !== null);
  const spec = (list: Edit[]) => list.map((edit) => ({ ...edit, insert: textOf(edit.insert) }));
  const change = ChangeSet.of(spec(left), base.length);
  const moved = change.map(ChangeSet.of(spec(theirEdits), base.length));
  const result: Edit[] = [];
  moved.iterChanges((from, to, _fromB, _toB, insert) =>
    result.push({ from, to, insert: insert.toString() }),
  );
  return result;
}

/** The last edit first, so that earlier offsets stay true while they are applied. */
export const lastFirst = (list: Edit[]): Edit[] => [...list].sort((a, b) => b.from - a.from);

export const applied = (text: string, list: Edit[]): string =>
  lastFirst(list).reduce(
    (now, { from, to, insert }) => now.slice(0, from) + insert + now.slice(to),
    text,
  );
