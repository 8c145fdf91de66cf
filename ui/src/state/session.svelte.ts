// Who is using this page, and the state of the hive.

import { api, asProblem, type Problem } from "../api";
import type { Me, Status } from "../wire/types";

/** What this browser keeps for when the hive is away; only the owner's pages fetch it. */
const kept = () =>
  import("./kept").then(
    (it) => it.kept,
    () => undefined,
  );

class Session {
  me: Me | undefined = $state.raw();
  status: Status | undefined = $state.raw();
  problem: Problem | undefined = $state.raw();

  get id(): string | undefined {
    return this.me?.person.id;
  }

  async load() {
    try {
      const me = await api.me();
      this.me = me;
      this.problem = undefined;
      void kept().then((it) => it?.keepMe(me));
    } catch (cause) {
      const problem = asProblem(cause);
      // Who was here last goes on with what this browser kept, until the hive is back.
      const known =
        problem.code === "unreachable" ? (this.me ?? (await (await kept())?.me())) : undefined;
      if (problem.code === "signed_out") await (await kept())?.forget();
      if (known) this.me = known;
      else this.problem = problem;
    }
  }

  /** The key of this browser was taken back. */
  end(problem: Problem) {
    this.me = undefined;
    this.problem = problem;
    void kept().then((it) => it?.forget());
  }

  async refresh() {
    try {
      this.status = await api.status();
    } catch (cause) {
      if (asProblem(cause).code !== "signed_out") return;
      this.problem = asProblem(cause);
      await (await kept())?.forget();
    }
  }
}

export const session = new Session();
