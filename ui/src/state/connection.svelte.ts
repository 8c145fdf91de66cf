// Whether the hive answers, who is here, and word of who comes and goes.

import { follow, type Listener } from "../live";
import type { Problem } from "../api";
import type { Here, Person } from "../wire/types";
import { changes } from "./changes";
import { notices } from "./notices.svelte";
import { names } from "../words";

export type Present = Here & { person: Person };

class Connection {
  state: "joining" | "up" | "lost" = $state("joining");
  people: Present[] = $state.raw([]);
  #known: Set<string> | null = null;

  start(
    self: () => string | undefined,
    ended: (problem: Problem) => void,
    since: number | undefined,
  ): () => void {
    const listener: Listener = {
      ended,
      change: (change) => changes.tell(change),
      reset: () => changes.tell(null),
      state: (up) => {
        if (!up && this.state === "up") this.people = [];
        this.state = up ? "up" : "lost";
      },
      here: (all) => {
        const people = all.filter((one): one is Present => one.person !== null);
        this.people = people;
        this.#announce(people, self());
      },
    };
    return follow(listener, since);
  }

  #announce(people: Present[], self: string | undefined) {
    const now = new Map(people.map((one) => [one.person.id, one.person.name || "A guest"]));
    if (self) now.delete(self);
    const before = this.#known;
    this.#known = new Set(now.keys());
    if (!before) return;
    const came = [...now].filter(([id]) => !before.has(id)).map(([, name]) => name);
    if (came.length)
      notices.whisper(`${names(came)} ${came.length === 1 ? "is" : "are"} here now.`);
  }

  /** One entry for each person, whatever the number of their windows. */
  in(test: (one: Present) => boolean): Present[] {
    const seen = new Map(this.people.filter(test).map((one) => [one.person.id, one]));
    return [...seen.values()];
  }
}

export const connection = new Connection();
