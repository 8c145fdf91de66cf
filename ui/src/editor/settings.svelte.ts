// How this browser likes its texts; remembered, except for what belongs to one sitting.

import { recall, remember } from "../state/theme.svelte";
import type { Mode } from "./Bar.svelte";
import { isMarkdown, isProse } from "./language";

export const KEYS = [
  { value: "plain", label: "Usual keys" },
  { value: "vim", label: "Vim keys" },
  { value: "emacs", label: "Emacs keys" },
] as const;
export type Keys = (typeof KEYS)[number]["value"];

const keysOf = (kept: string | null): Keys =>
  KEYS.find(({ value }) => value === kept)?.value ?? "plain";

const WIDE = 900;

export class Settings {
  mode: Mode = $state("source");
  wraps: boolean = $state(false);
  keys: Keys = $state("plain");
  /** Who wrote what. */
  colours = $state(false);

  constructor(name: string) {
    this.keys = keysOf(recall("skep:keys"));
    this.wraps = (recall("skep:wrap") ?? (isProse(name) ? "yes" : "no")) === "yes";
    if (!isMarkdown(name)) return;
    const kept = recall("skep:mode");
    if (kept === "preview" || (kept === "split" && innerWidth >= WIDE)) this.mode = kept;
  }

  show(mode: Mode) {
    this.mode = mode;
    remember("skep:mode", mode);
  }

  wrap(on: boolean) {
    this.wraps = on;
    remember("skep:wrap", on ? "yes" : "no");
  }

  useKeys(keys: string) {
    this.keys = keysOf(keys);
    remember("skep:keys", this.keys);
  }
}
