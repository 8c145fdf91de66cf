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

/** Many changes at once cause one run, at most every `ms`. */
export function gather(run: () => void, ms = 120): { ask(): void; end(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    ask() {
      timer ??= setTimeout(() => {
        timer = undefined;
        run();
      }, ms);
    },
    end: () => clearTimeout(timer),
  };
}
