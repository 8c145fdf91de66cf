// Sentences and measures that more than one page says.

import type { Right, ShareState } from "./wire/types";

export const RIGHT_WORDS: Record<Right, string> = {
  view: "can view",
  comment: "can comment",
  edit: "can edit",
  manage: "can do everything",
};

export const STATE_WORDS: Record<ShareState, string> = {
  in_step: "In step",
  scanning: "Reading the folder",
  missing: "Folder not found",
  paused: "Paused",
  unreadable: "Not readable",
};

export const STATE_NEXT: Record<ShareState, string> = {
  in_step: "",
  scanning: "Files appear as they are read.",
  missing:
    "Nothing is deleted. Put the folder back or plug in its drive, and the share goes on by itself.",
  paused: "Friends cannot open it until you resume.",
  unreadable: "Allow your user to read the folder, and the share goes on by itself.",
};

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** Sizes as file managers show them: thousands, one decimal under ten. */
export function size(bytes: number | null): string {
  if (bytes === null) return "";
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

const days = (ms: number): number => Math.round(ms / DAY);

/** Relative within a week, a date before that. */
export function when(at: number | null, now: number): string {
  if (at === null) return "never";
  const ago = now - at;
  if (ago < MINUTE) return "just now";
  if (ago < HOUR) return `${Math.floor(ago / MINUTE)} min ago`;
  if (ago < DAY && new Date(at).getDate() === new Date(now).getDate()) {
    return `today, ${clock.format(at)}`;
  }
  if (ago < 2 * DAY) return `yesterday, ${clock.format(at)}`;
  if (ago < 7 * DAY) return `${days(ago)} days ago`;
  return day.format(at);
}

/** A moment that is to come: "14:30", "tomorrow, 08:00", "12 Dec 2026, 08:00". */
export function soon(at: number, now: number): string {
  const midnight = (moment: number): number => new Date(moment).setHours(0, 0, 0, 0);
  const ahead = days(midnight(at) - midnight(now));
  if (ahead <= 0) return clock.format(at);
  return `${ahead === 1 ? "tomorrow" : day.format(at)}, ${clock.format(at)}`;
}

/** How long something still holds: "ends in 3 days". */
export function until(at: number | null, now: number): string {
  if (at === null) return "no end";
  const left = at - now;
  if (left <= 0) return "ended";
  if (left < HOUR) return `ends in ${Math.max(1, Math.round(left / MINUTE))} min`;
  if (left < DAY) return `ends in ${Math.round(left / HOUR)} h`;
  if (left < 60 * DAY) return `ends in ${days(left)} ${days(left) === 1 ? "day" : "days"}`;
  return `ends ${day.format(at)}`;
}

/** Hidden until it means something: seconds left from a speed, as a person would say it. */
export function eta(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds <= 0) return "";
  if (seconds < 50) return "less than a minute";
  if (seconds < 55 * 60) return `about ${Math.max(1, Math.round(seconds / 60))} min`;
  return `about ${Math.max(1, Math.round(seconds / 3600))} h`;
}

export const exactly = (at: number | null): string => (at === null ? "" : full.format(at));

export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString()} ${n === 1 ? one : many}`;

export const names = (list: string[]): string => {
  if (list.length < 2) return list[0] ?? "";
  if (list.length > 3) return `${list.slice(0, 2).join(", ")} and ${list.length - 2} others`;
  return `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`;
};
