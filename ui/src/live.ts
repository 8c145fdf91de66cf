// The only file that follows the hive's event stream, and the one that knows whether it answers.

import { api, asProblem, eventsUrl, problemOf, type Problem } from "./api";
import type { Change, Here } from "./wire/types";

export interface Listener {
  change(change: Change): void;
  here(people: Here[]): void;
  /** Events were missed: fetch again what is shown. */
  reset(): void;
  state(up: boolean): void;
  /** The key that this page came with was taken back. */
  ended(problem: Problem): void;
}

const RETRY_MS = 2000;
/** A browser keeps only six streams to one hive: a page that nobody sees gives its own free. */
const HIDDEN_MS = 20_000;

/** Answers after which asking again cannot help. */
const SHUT = [401, 403, 404, 410];

/** Friends' hives came, went or got further: no journal tells of that. */
const MOVED: Change = { seq: 0, kind: "sync", key: "", share: null, at: 0 };

const doubters = new Set<() => void>();

/** Something else failed to reach the hive: ask whether it is there at all. */
export const doubt = (): void => doubters.forEach((check) => check());

/**
 * Follows events until the returned function is called; comes back by itself. What changed after
 * `since` is told too: pages fetch before the stream is open.
 */
export function follow(listener: Listener, since: number | undefined): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let seen = since === undefined ? "" : String(since);
  let ended = false;
  let missed = false;

  const open = () => {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(seen ? `${eventsUrl}?since=${seen}` : eventsUrl);
    source.addEventListener("hello", () => {
      listener.state(true);
      if (missed) listener.reset();
      else listener.change(MOVED);
      missed = false;
    });
    source.addEventListener("reset", () => {
      seen = "";
      listener.state(true);
      listener.reset();
    });
    source.addEventListener("ended", (event) => {
      ended = true;
      source?.close();
      listener.ended(problemOf(JSON.parse(event.data) as Record<string, string>));
    });
    source.addEventListener("change", (event) => {
      seen = event.lastEventId || seen;
      listener.change(JSON.parse(event.data) as Change);
    });
    source.addEventListener("friends", () => listener.change(MOVED));
    source.addEventListener("here", (event) => listener.here(JSON.parse(event.data) as Here[]));
    source.onerror = () => {
      source?.close();
      missed = true;
      void check();
    };
  };

  // A hive that answers but ends the stream is not lost: only the stream is opened again.
  const check = async () => {
    if (ended) return;
    clearTimeout(timer);
    const up = await api.alive().then(
      () => true,
      () => false,
    );
    if (ended) return;
    if (up && source?.readyState === EventSource.OPEN && !missed) return;
    if (!up) {
      missed = true;
      listener.state(false);
    } else if (missed) {
      // A stream hides why it is refused; the key may have ended while the hive was away.
      const shut = await api.me().then(() => null, asProblem);
      if (ended) return;
      if (shut && SHUT.includes(shut.status)) {
        ended = true;
        return listener.ended(shut);
      }
    }
    timer = setTimeout(up ? open : () => void check(), up ? RETRY_MS / 4 : RETRY_MS);
  };

  const wake = () => void check();
  let parking: ReturnType<typeof setTimeout> | undefined;
  const park = () => {
    source?.close();
    missed = true;
  };
  const hiddenOrShown = () => {
    clearTimeout(parking);
    if (document.hidden) parking = setTimeout(park, HIDDEN_MS);
    else wake();
  };
  addEventListener("online", wake);
  document.addEventListener("visibilitychange", hiddenOrShown);
  doubters.add(wake);
  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    clearTimeout(parking);
    removeEventListener("online", wake);
    document.removeEventListener("visibilitychange", hiddenOrShown);
    doubters.delete(wake);
    source?.close();
  };
}
