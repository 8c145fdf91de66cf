// The rows of one folder, however many: only the pages near the view are held.

import { api, asProblem, type Problem } from "../api";
import type { File, Order, SortBy } from "../wire/types";
import { PAGE_ROWS, pagesFor, pagesToDrop } from "./pages";

const PAGES_MAX = 24;

export class Rows {
  total: number | null = $state(null);
  problem: Problem | undefined = $state.raw();
  /** Grows with each page that arrives; reading it makes a view follow the rows. */
  stamp = $state(0);
  #pages = new Map<number, File[]>();
  #waiting = new Set<number>();
  #stale = new Set<number>();
  #era = 0;
  #view: [number, number] = [0, 40];

  constructor(
    readonly share: string,
    readonly folder: string,
    readonly sort: SortBy,
    readonly order: Order,
  ) {
    void this.#fetch(0);
  }

  at(row: number): File | undefined {
    void this.stamp;
    return this.#pages.get(Math.floor(row / PAGE_ROWS))?.[row % PAGE_ROWS];
  }

  /** Rows that are held, with their place: for typing ahead. */
  *held(): Generator<[number, File]> {
    for (const page of [...this.#pages.keys()].sort((a, b) => a - b)) {
      for (const [at, file] of this.#pages.get(page)!.entries())
        yield [page * PAGE_ROWS + at, file];
    }
  }

  /** The first row of all whose name begins so, held or not; -1 if there is none. */
  async beginning(word: string): Promise<number> {
    const { sort, order, folder } = this;
    const got = await api.files(this.share, { folder, sort, order, begins: word, limit: 1 });
    return got.entries.length ? got.offset : -1;
  }

  see(from: number, to: number): Promise<unknown> {
    this.#view = [from, to];
    const wanted = pagesFor(from, to, this.total ?? 1);
    const lacking = wanted.filter((page) => !this.#pages.has(page) || this.#stale.has(page));
    const fetched = Promise.all(lacking.map((page) => this.#fetch(page)));
    for (const page of pagesToDrop([...this.#pages.keys()], wanted, PAGES_MAX)) {
      this.#pages.delete(page);
    }
    return fetched;
  }

  /** Something in the folder changed: rows stay until their new selves arrive. */
  refresh(): Promise<unknown> {
    this.#era += 1;
    this.#waiting.clear();
    this.#stale = new Set(this.#pages.keys());
    this.#stale.add(0);
    const first = this.total ? undefined : this.#fetch(0);
    return Promise.all([first, this.see(...this.#view)]);
  }

  async #fetch(page: number) {
    if (this.#waiting.has(page)) return;
    this.#waiting.add(page);
    const era = this.#era;
    try {
      const { sort, order, folder } = this;
      const query = { folder, sort, order, offset: page * PAGE_ROWS, limit: PAGE_ROWS };
      const got = await api.files(this.share, query);
      if (era !== this.#era) return;
      this.#pages.set(page, got.entries);
      this.#stale.delete(page);
      this.total = got.total;
      this.problem = undefined;
      this.stamp += 1;
    } catch (cause) {
      if (era === this.#era) this.problem = asProblem(cause);
    } finally {
      if (era === this.#era) this.#waiting.delete(page);
    }
  }
}
