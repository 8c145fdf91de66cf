// Who is using this page, and the state of the hive.

import { api, asProblem, type Problem } from "../api";
import type { Me, Status } from "../wire/types";

class Session {
  me: Me | undefined = $state.raw();
  status: Status | undefined = $state.raw();
  problem: Problem | undefined = $state.raw();

  get id(): string | undefined {
    return this.me?.person.id;
  }

  async load() {
    try {
      this.me = await api.me();
      this.problem = undefined;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }

  async refresh() {
    try {
      this.status = await api.status();
    } catch (cause) {
      if (asProblem(cause).code === "signed_out") this.problem = asProblem(cause);
    }
  }
}

export const session = new Session();
