// Choosing among two versions: one by one, or many by a rule. Pure.

import type { Keep, TwoVersions, VersionSide } from "../wire/hives";

export type Rule = { by: "newer" } | { by: "hive"; hive: string } | { by: "both" };

export const newer = ({ sides }: TwoVersions): "first" | "second" =>
  (sides[1]?.at ?? 0) > (sides[0]?.at ?? 0) ? "second" : "first";

/** What a rule keeps of one file; null where it says nothing. */
export function byRule(item: TwoVersions, rule: Rule): Keep | null {
  if (rule.by === "both") return { keep: "both" };
  if (rule.by === "newer") return { keep: newer(item) };
  const [first, second] = item.sides.map((side) => side.by?.id === rule.hive);
  if (first === second) return first ? { keep: newer(item) } : null;
  return { keep: first ? "first" : "second" };
}

export interface Author {
  hive: string;
  name: string;
  device: string;
}

/** Everybody whose versions are among these, most of them first. */
export function authors(list: readonly TwoVersions[]): Author[] {
  const all = new Map<string, { author: Author; n: number }>();
  for (const { by, device } of list.flatMap((item) => item.sides)) {
    if (!by) continue;
    const n = (all.get(by.id)?.n ?? 0) + 1;
    all.set(by.id, { author: { hive: by.id, name: by.name, device }, n });
  }
  return [...all.values()].sort((a, b) => b.n - a.n).map(({ author }) => author);
}

/** The file to go on with once `done` are gone: the next in the list, or the last that is left. */
export function nextAfter(
  list: readonly TwoVersions[],
  at: string,
  done: ReadonlySet<string>,
): string | undefined {
  const from = list.findIndex((item) => item.file === at);
  const left = (items: readonly TwoVersions[]) => items.find((item) => !done.has(item.file))?.file;
  return left(list.slice(Math.max(0, from))) ?? left(list.slice(0, Math.max(0, from)).reverse());
}

export interface Pile {
  share: string;
  name: string;
  items: TwoVersions[];
}

/** By share, and by path within. */
export function piles(list: readonly TwoVersions[]): Pile[] {
  const all = new Map<string, Pile>();
  for (const item of list) {
    const pile = all.get(item.share) ?? { share: item.share, name: item.share_name, items: [] };
    pile.items.push(item);
    all.set(item.share, pile);
  }
  for (const pile of all.values()) pile.items.sort((a, b) => a.path.localeCompare(b.path));
  return [...all.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** Which of the two is newer or larger, in a word; "" where it is neither. */
export function standing(side: VersionSide, other: VersionSide): string {
  const parts = [side.at > other.at ? "newer" : "", side.size > other.size ? "larger" : ""].filter(
    Boolean,
  );
  return parts.join(", ");
}
