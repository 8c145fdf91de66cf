// The shares of this hive, for the side bar and the pages alike.

import { api, asProblem, type Problem } from "../api";
import type { Share } from "../wire/types";
import { changes, gather } from "./changes";

class Shares {
  list: Share[] | undefined = $state.raw();
  problem: Problem | undefined = $state.raw();

  start(): () => void {
    const again = gather(() => this.load(), 200);
    void this.load();
    const off = changes.on(["share", "link", "file", "removed", "settings"], () => again.ask());
    return () => {
      off();
      again.end();
    };
  }

  async load() {
    try {
      this.list = await api.shares();
      this.problem = undefined;
    } catch (cause) {
      const problem = asProblem(cause);
      if (!this.list || problem.code !== "unreachable") this.problem = problem;
    }
  }

  /** A share that was made just now, before the hive tells of it. */
  put(share: Share) {
    this.list = [...(this.list ?? []).filter((one) => one.id !== share.id), share];
  }

  find(id: string): Share | undefined {
    return this.list?.find((share) => share.id === id);
  }
}

export const shares = new Shares();
