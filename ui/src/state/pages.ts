// Which pages of a long list are wanted for the rows in view. Pure, so that it can be tested.

export const PAGE_ROWS = 250;

/** Page numbers for rows `from` to `to` (both included), with one page of run-up on each side. */
export function pagesFor(from: number, to: number, total: number, rows = PAGE_ROWS): number[] {
  if (total <= 0) return [];
  const last = Math.floor((total - 1) / rows);
  const low = Math.max(0, Math.floor((from - rows / 2) / rows));
  const high = Math.min(last, Math.floor((to + rows / 2) / rows));
  return Array.from({ length: Math.max(0, high - low + 1) }, (_, at) => low + at);
}

/** The pages to give up when too many are held: those farthest from the view. */
export function pagesToDrop(held: number[], wanted: number[], most: number): number[] {
  if (held.length <= most || wanted.length === 0) return [];
  const middle = (wanted[0]! + wanted.at(-1)!) / 2;
  return held
    .filter((page) => !wanted.includes(page))
    .sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle))
    .slice(0, held.length - most);
}
