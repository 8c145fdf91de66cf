// The way in by a link: the secret of the fragment against a session, and every way it can fail.

import { api, asProblem, type Problem } from "../api";
import { recall, remember } from "./theme.svelte";
import type { Me, Welcome } from "../wire/types";

type State =
  | { is: "waiting" }
  | { is: "in" }
  | { is: "password"; wrong: Problem | null }
  | { is: "closed"; problem: Problem; again: boolean };

const SECONDS_10 = 10_000;
const NAME_KEY = "skep:name";

class Entrance {
  state: State = $state.raw({ is: "waiting" });
  me: Me | undefined = $state.raw();
  welcome: Welcome | undefined = $state.raw();
  /** Why the door closed behind somebody whose text is not sent: the page stays for it. */
  shut: Problem | undefined = $state.raw();
  /** Set by an open editor while it holds what the hive has not stored. */
  holding = $state(false);

  get owner() {
    return this.me?.hive.owner ?? this.welcome?.owner;
  }

  get nameless(): boolean {
    return !this.me?.person.name || this.me.person.name === "Guest";
  }

  /** A session of an earlier visit is enough; else the secret is exchanged for one. */
  async enter() {
    const late = setTimeout(() => {
      if (this.state.is === "waiting") this.#close(asleep());
    }, SECONDS_10);
    try {
      this.#entered(await api.me());
    } catch (cause) {
      const problem = asProblem(cause);
      if (problem.code === "signed_out") await this.#redeem();
      else this.#close(problem);
    }
    clearTimeout(late);
  }

  async #redeem() {
    const secret = location.hash.slice(1);
    try {
      this.welcome = await api.welcome();
      if (this.welcome.state !== "open") return this.#close(ended(this.welcome.state));
      if (!secret) return this.#close(cut());
      if (this.welcome.password_needed) this.state = { is: "password", wrong: null };
      else this.#entered(await api.redeem({ secret, ...known() }));
    } catch (cause) {
      const problem = asProblem(cause);
      if (problem.code === "password_needed") this.state = { is: "password", wrong: null };
      else this.#close(problem);
    }
  }

  async answer(password: string) {
    try {
      const secret = location.hash.slice(1);
      this.#entered(await api.redeem({ secret, password, ...known() }));
    } catch (cause) {
      const problem = asProblem(cause);
      const again = ["password_wrong", "slow_down", "unreachable"].includes(problem.code);
      if (again) this.state = { is: "password", wrong: problem };
      else this.#close(problem);
    }
  }

  async name(name: string) {
    this.me = await api.rename({ name });
    remember(NAME_KEY, name);
  }

  /** Something changed: the right may be another, or the link may be gone. */
  async check() {
    try {
      this.me = await api.me();
    } catch (cause) {
      const problem = asProblem(cause);
      if (problem.code !== "unreachable") this.leave(problem);
    }
  }

  /** The door closed: the page goes, unless it holds text that was not sent. */
  leave(problem: Problem) {
    void this.#whyOut(problem).then((told) => {
      if (this.holding) this.shut = told;
      else this.#close(told);
    });
  }

  /** A visit that ended, ended alone or with its link. */
  async #whyOut(problem: Problem): Promise<Problem> {
    if (problem.code !== "signed_out") return problem;
    const { state } = await api.welcome().catch(() => ({ state: "open" as const }));
    return state === "open" || state === "used_up" ? outside() : ended(state);
  }

  #entered(me: Me) {
    this.me = me;
    this.state = { is: "in" };
  }

  #close(problem: Problem) {
    const again = ["unreachable", "asleep", "slow_down", "paused"].includes(problem.code);
    this.state = { is: "closed", problem, again };
  }
}

const known = (): { name?: string } => {
  const name = recall(NAME_KEY);
  return name ? { name } : {};
};

const says = (code: string, detail: string, hint: string): Problem =>
  Object.assign(asProblem(null), { code, detail, hint });

const asleep = () =>
  says(
    "asleep",
    "The hive behind this link is not answering.",
    "It may be asleep. This page goes on by itself when it is back.",
  );

// Coming in again by itself would undo what the owner just did.
const outside = () =>
  says(
    "outside",
    "Your visit has ended.",
    "Open the link again. If it does not open, ask its owner for a new one.",
  );

const cut = () =>
  says(
    "cut",
    "This link is not whole: its last part is missing.",
    "Ask for it again and copy it to its very end.",
  );

function ended(state: Welcome["state"]): Problem {
  const words: Record<string, string> = {
    expired: "This link has expired.",
    revoked: "This link was taken back by its owner, or never existed.",
    used_up: "This link was for a limited number of people, and all of them have come.",
  };
  return says(
    `link_${state}`,
    words[state] ?? "This link does not open.",
    "Ask its owner for a new one.",
  );
}

export const entrance = new Entrance();
