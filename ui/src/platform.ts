// What differs between a browser tab and the desktop window: two hooks, nothing else.

import { api } from "./api";

/** Tells the desktop shell that the page is really there. Browsers may ignore the answer. */
export const reportReady = (): void => void api.ready().catch(() => undefined);

export interface NativeDrop {
  dropped(paths: string[]): void;
  over(is: boolean): void;
}

/** Files dropped onto the desktop window arrive with their paths; a browser never tells paths. */
export function onNativeDrop(drop: NativeDrop): () => void {
  const dropped = (event: Event) =>
    drop.dropped((event as CustomEvent<{ paths: string[] }>).detail.paths);
  const over = (event: Event) => drop.over((event as CustomEvent<{ over: boolean }>).detail.over);
  addEventListener("skep:drop", dropped);
  addEventListener("skep:drag", over);
  return () => {
    removeEventListener("skep:drop", dropped);
    removeEventListener("skep:drag", over);
  };
}

/** Copies without needing a secure context. Resolves to false when the browser refuses. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const field = document.createElement("textarea");
  const before = document.activeElement;
  field.value = text;
  field.setAttribute("readonly", "");
  field.style.cssText = "position:fixed;inset:0 auto auto 0;opacity:0";
  // A modal dialog makes everything outside itself inert, so the field must live inside it.
  (before?.closest("dialog,[role=dialog]") ?? document.body).append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}

export const isMac = /mac|iphone|ipad/i.test(navigator.platform);
