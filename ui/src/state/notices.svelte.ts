// Short messages at the edge of the page, and whispers that only a screen reader hears.

import { asProblem } from "../api";

export interface Notice {
  id: number;
  text: string;
  hint?: string;
  tone: "plain" | "good" | "bad";
  action?: { label: string; run(): void };
  /** Until it is dismissed. */
  stays?: boolean;
  /** How long it stays, where that is not as long as usual. */
  ms?: number;
}

const STAYS_MS = 5000;
/** A way back needs time to be seen. */
const ACTION_MS = 10_000;

class Notices {
  list: Notice[] = $state.raw([]);
  whispered = $state("");
  #next = 0;

  say(text: string, more: Partial<Omit<Notice, "id" | "text">> = {}) {
    const id = (this.#next += 1);
    const notice: Notice = { id, text, tone: "plain", ...more };
    this.list = [...this.list.filter((one) => one.text !== text).slice(-2), notice];
    if (notice.tone === "bad" || notice.stays) return;
    setTimeout(() => this.dismiss(id), notice.ms ?? (notice.action ? ACTION_MS : STAYS_MS));
  }

  problem(cause: unknown) {
    const { detail, hint } = asProblem(cause);
    this.say(detail, { hint, tone: "bad" });
  }

  whisper(text: string) {
    this.whispered = text;
  }

  dismiss(id: number) {
    this.list = this.list.filter((one) => one.id !== id);
  }
}

export const notices = new Notices();
