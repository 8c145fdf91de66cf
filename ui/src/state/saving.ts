// A setting that is changed where it is shown: the new one takes its place, or the reason is said.

import type { Loaded } from "./loaded.svelte";
import { notices } from "./notices.svelte";

export async function save<T>(into: Loaded<T>, change: Promise<T>) {
  try {
    into.set(await change);
    notices.say("Saved.", { tone: "good" });
  } catch (cause) {
    notices.problem(cause);
  }
}
