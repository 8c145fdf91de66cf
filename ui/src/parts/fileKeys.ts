// What a key does in a list of files. Pure.

export type Step = { to: number } | { do: "open" | "preview" | "search" | "all" | "up" | "none" };

/** The row a key leads to from `at`, or what it does there; null when it means nothing. */
export function step(
  key: string,
  at: number,
  total: number,
  page: number,
  ctrl: boolean,
): Step | null {
  const last = Math.max(0, total - 1);
  const to = (row: number): Step => ({ to: Math.max(0, Math.min(last, row)) });
  switch (key) {
    case "ArrowDown":
      return to(at + 1);
    case "ArrowUp":
      return to(at - 1);
    case "PageDown":
      return to(at + page);
    case "PageUp":
      return to(at - page);
    case "Home":
      return to(0);
    case "End":
      return to(last);
    case "Enter":
      return { do: "open" };
    case " ":
      return { do: "preview" };
    case "Backspace":
      return { do: "up" };
    case "/":
      return { do: "search" };
    case "Escape":
      return { do: "none" };
    case "a":
      return ctrl ? { do: "all" } : null;
    default:
      return null;
  }
}

/** Letters typed within a second make one word. */
export class TypedAhead {
  #word = "";
  #at = -Infinity;

  add(key: string, now: number): string {
    this.#word = now - this.#at < 1000 ? this.#word + key.toLowerCase() : key.toLowerCase();
    this.#at = now;
    return this.#word;
  }

  get going(): boolean {
    return this.#word !== "";
  }
}

/** The first row after `from` whose name begins so, going round; -1 if there is none. */
export function ahead(
  rows: Iterable<[number, { name: string }]>,
  word: string,
  from: number,
): number {
  let before = -1;
  const start = word.length === 1 ? from + 1 : from;
  for (const [row, { name }] of rows) {
    if (!name.toLowerCase().startsWith(word)) continue;
    if (row >= start) return row;
    if (before < 0) before = row;
  }
  return before;
}
