// Waits for a condition with a deadline: the only way these tests wait.

import { setTimeout as pause } from "node:timers/promises";

const STEP_MS = 25;
/** Long enough for a machine that does much else; what goes well never waits so long. */
export const LONGEST_MS = 30_000;

/** Asks `probe` again and again until it gives something true, and returns that. */
export async function until(what, probe, { within = LONGEST_MS } = {}) {
  const begun = performance.now();
  let last;
  for (;;) {
    try {
      last = await probe();
      if (last) return last;
    } catch (cause) {
      last = cause;
    }
    if (performance.now() - begun > within) break;
    await pause(STEP_MS);
  }
  const shown = last instanceof Error ? last.message : JSON.stringify(last);
  throw new Error(`not within ${within} ms: ${what} (at the end: ${shown})`);
}

/** Waits until `probe` gives exactly `wanted`, and shows what it gave instead. */
export async function untilEqual(what, probe, wanted, { within = LONGEST_MS } = {}) {
  let last;
  const same = async () => {
    last = await probe();
    return JSON.stringify(last) === JSON.stringify(wanted);
  };
  await until(what, same, { within }).catch((cause) => {
    const shown = JSON.stringify(last);
    throw new Error(`${what}: wanted ${JSON.stringify(wanted)}, got ${shown}`, { cause });
  });
}

/** How long something took, in milliseconds. */
export async function timed(work) {
  const begun = performance.now();
  await work();
  return Math.round(performance.now() - begun);
}
