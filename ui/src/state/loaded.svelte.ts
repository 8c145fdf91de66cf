// Something fetched for a page, fetched again when the hive says that it changed.

import { asProblem, type Problem } from "../api";
import { changes, gather } from "./changes";
import type { ChangeKind } from "../wire/types";

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly problem: Problem | undefined;
  reload(): Promise<void>;
  set(value: T): void;
}

/** Call while a component is made. What `load` reads of its props is followed. */
export function loaded<T>(load: () => Promise<T>, kinds: readonly ChangeKind[] = []): Loaded<T> {
  let value = $state.raw<T>();
  let problem = $state.raw<Problem>();
  let turn = 0;

  const run = async () => {
    turn += 1;
    const mine = turn;
    try {
      const got = await load();
      if (mine !== turn) return;
      value = got;
      problem = undefined;
    } catch (cause) {
      if (mine === turn) problem = asProblem(cause);
    }
  };

  $effect(() => {
    const again = gather(run);
    void run();
    const off = changes.on(kinds, () => again.ask());
    return () => {
      turn += 1;
      off();
      again.end();
    };
  });

  return {
    get value() {
      return value;
    },
    get problem() {
      return problem;
    },
    reload: run,
    set: (next) => {
      turn += 1;
      value = next;
    },
  };
}
