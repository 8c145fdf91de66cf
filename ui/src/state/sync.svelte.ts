// How far a share is at every hive that has it, asked more often while something moves.

import { asProblem, type Problem } from "../api";
import { hives } from "../hives";
import type { Sync } from "../wire/hives";
import { changes, gather } from "./changes";

const MOVING_MS = 1000;
const RESTING_MS = 8000;

/** Nothing is on its way, here or to a friend who could take it. */
const rests = (sync: Sync): boolean =>
  sync.here.in_sync !== false && sync.friends.every((one) => one.in_sync !== false || !one.online);

export class SyncWatch {
  value: Sync | undefined = $state.raw();
  problem: Problem | undefined = $state.raw();
  #share = "";

  /** Call in an effect; ends with it. */
  start(share: string): () => void {
    this.#share = share;
    this.value = undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ended = false;
    const turn = async () => {
      clearTimeout(timer);
      if (!document.hidden) await this.load();
      clearTimeout(timer);
      const calm = !this.value || rests(this.value);
      if (!ended) timer = setTimeout(() => void turn(), calm ? RESTING_MS : MOVING_MS);
    };
    const again = gather(() => turn(), 300);
    void turn();
    const off = changes.on(["member", "pause", "sync", "file", "removed", "share"], (change) => {
      if (!change?.share || change.share === share) again.ask();
    });
    return () => {
      ended = true;
      clearTimeout(timer);
      off();
      again.end();
    };
  }

  async load() {
    const share = this.#share;
    try {
      const got = await hives.sync(share);
      if (share !== this.#share) return;
      this.value = got;
      this.problem = undefined;
    } catch (cause) {
      if (share === this.#share) this.problem = asProblem(cause);
    }
  }
}
