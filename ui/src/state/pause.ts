// Pausing and resuming the hive, from wherever it is asked.

import { api } from "../api";
import { notices } from "./notices.svelte";
import { session } from "./session.svelte";

async function told(work: Promise<unknown>, said: string) {
  try {
    await work;
    await session.refresh();
    notices.say(said);
  } catch (cause) {
    notices.problem(cause);
  }
}

export const pause = (until_at: number | null): Promise<void> =>
  told(api.pause(until_at), "Paused. Friends cannot open anything until you resume.");

export const resume = (): Promise<void> => told(api.resume(), "Going again.");
