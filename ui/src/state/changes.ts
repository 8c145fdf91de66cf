// Hands each change of the hive to those who show what it touches.

import type { Change, ChangeKind } from "../wire/types";

type Hearer = (change: Change | null) => void;

const hearers = new Set<{ kinds: readonly ChangeKind[]; hear: Hearer }>();

export const changes = {
  /** `null` means: anything may have changed. */
  tell(change: Change | null) {
    for (const { kinds, hear } of hearers) {
      if (change === null || kinds.includes(change.kind)) hear(change);
    }
  },
  on(kinds: readonly ChangeKind[], hear: Hearer): () => void {
    const entry = { kinds, hear };
    hearers.add(entry);
    return () => hearers.delete(entry);
  },
};

/**
 * Many changes at once cause one run, at most every `ms`. A run that is asked for during another
 * follows it: none overtakes another, and none is given up for a newer one.
 */
export function gather(run: () => unknown, ms = 120): { ask(): void; end(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let going = false;
  let again = false;
  let ended = false;

  const ask = () => {
    if (going) again = true;
    else if (!ended) timer ??= setTimeout(() => void go(), ms);
  };

  const go = async () => {
    timer = undefined;
    going = true;
    try {
      await run();
    } catch {
      // Whoever runs says what went wrong; the next change tries again.
    }
    going = false;
    if (again) {
      again = false;
      ask();
    }
  };

  return {
    ask,
    end: () => {
      ended = true;
      clearTimeout(timer);
    },
  };
}
