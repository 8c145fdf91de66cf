// What the chip beside the document says. Pure.

import { count } from "../words";
import type { Told } from "./socket";

export type Kind =
  "opening" | "live" | "saving" | "reconnecting" | "read_only" | "unsaved" | "stopped";

export interface Facts {
  /** Synced at least once since the page was opened. */
  opened: boolean;
  connected: boolean;
  synced: boolean;
  saved: boolean;
  mayEdit: boolean;
  dirty: boolean;
  /** How many edits wait, as a person counts them. */
  edits: number;
  told: Told | null;
  stopped: { detail: string; hint: string } | null;
}

export interface Condition {
  kind: Kind;
  label: string;
  detail: string;
  /** What waits to be sent. */
  waiting?: string;
}

const sentence = (...parts: string[]): string => parts.filter(Boolean).join(" ");

export function condition(facts: Facts): Condition {
  const { told, stopped, dirty } = facts;
  if (stopped) {
    const kept = dirty ? "What you wrote and could not send is still in this page: copy it." : "";
    return {
      kind: "stopped",
      label: "Read-only",
      detail: sentence(stopped.detail, stopped.hint, kept),
    };
  }
  if (!facts.opened) return { kind: "opening", label: "Opening", detail: "" };
  if (!facts.connected || !facts.synced) {
    return facts.mayEdit
      ? {
          kind: "reconnecting",
          label: "Reconnecting, your edits are kept",
          detail: "The hive is not answering. Go on writing: it is merged when the hive is back.",
          ...(facts.edits > 0 && { waiting: `${count(facts.edits, "edit")} waiting` }),
        }
      : { kind: "reconnecting", label: "Reconnecting", detail: "The hive is not answering." };
  }
  if (told?.state === "unsaved") {
    return {
      kind: "unsaved",
      label: `Not saved: ${reason(told)}`,
      detail: sentence(told.detail, told.hint),
    };
  }
  if (told?.state === "read_only") {
    return { kind: "read_only", label: "Read-only", detail: sentence(told.detail, told.hint) };
  }
  if (!facts.mayEdit) {
    return {
      kind: "read_only",
      label: "Live, read-only",
      detail: "You can view this file. You see each change as it is made.",
    };
  }
  return facts.saved
    ? { kind: "live", label: "Live", detail: "Saved. What you type is stored by the hive." }
    : { kind: "saving", label: "Live", detail: "Saving…" };
}

const REASONS: Record<string, string> = {
  disk_full: "the disk is full",
  share_missing: "the folder is not there",
  unwritable: "the file cannot be written",
  gone: "the file was removed",
};

const reason = (told: Told): string =>
  REASONS[told.code ?? ""] ?? told.detail.replace(/\.$/, "").replace(/^./, (c) => c.toLowerCase());

/** Sentences for a socket that the hive closed for good, when it gave none itself. */
export function closeWords(code: number, said: string): { detail: string; hint: string } {
  const known: Record<number, { detail: string; hint: string }> = {
    4401: { detail: "You are signed out.", hint: "Open Skep from the tray again, or the link." },
    4403: { detail: "You may no longer open this file.", hint: "Ask its owner for a new link." },
    4404: { detail: "This file was removed.", hint: "Its folder shows what is there." },
    4413: {
      detail: "This file grew beyond what can be edited live.",
      hint: "Download it, or make it smaller than 5 MB.",
    },
  };
  const words = known[code] ?? {
    detail: "The hive ended this document.",
    hint: "Reload the page.",
  };
  return said ? { detail: said, hint: words.hint } : words;
}
