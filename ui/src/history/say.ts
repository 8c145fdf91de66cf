// How versions and what lies in the trash are told of. Pure.

import type { PutBack, Scrub, Trashed, Version, VersionVerb } from "../wire/hives";
import { count, size } from "../words";

export const VERB_WORDS: Record<VersionVerb, string> = {
  added: "added it",
  changed: "changed it",
  restored: "brought it back",
  merged: "merged two versions",
};

const dayName = new Intl.DateTimeFormat(undefined, {
  weekday: "long",
  day: "numeric",
  month: "long",
});
const withYear = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "long",
  year: "numeric",
});

const DAY = 86_400_000;
const midnight = (at: number): number => new Date(at).setHours(0, 0, 0, 0);

export function dayOf(at: number, now: number): string {
  const days = Math.round((midnight(now) - midnight(at)) / DAY);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  return days < 300 ? dayName.format(at) : withYear.format(at);
}

export interface Day {
  name: string;
  versions: Version[];
}

/** Newest first, one heading for each day. */
export function byDay(versions: readonly Version[], now: number): Day[] {
  const days: Day[] = [];
  for (const version of [...versions].sort((a, b) => b.at - a.at)) {
    const name = dayOf(version.at, now);
    const last = days.at(-1);
    if (last?.name === name) last.versions.push(version);
    else days.push({ name, versions: [version] });
  }
  return days;
}

/** The version that stood right before this one. */
export const beforeOf = (version: Version, all: readonly Version[]): Version | undefined =>
  [...all].sort((a, b) => b.at - a.at).find((one) => one.at < version.at && one.kept);

export function daysLeft(item: Trashed): string {
  if (!item.kept) return "not all of it can be had";
  if (item.days_left <= 0) return "goes today";
  return `${count(item.days_left, "day")} left`;
}

export interface Moment {
  label: string;
  at: number;
}

/** Times that people mean when they say "as it was before". */
export function moments(now: number): Moment[] {
  const at = (days: number, hour: number) => {
    const date = new Date(now - days * DAY);
    return date.setHours(hour, 0, 0, 0);
  };
  return [
    { label: "An hour ago", at: now - 3_600_000 },
    { label: "This morning, 8:00", at: at(0, 8) },
    { label: "Yesterday evening", at: at(1, 20) },
    { label: "A week ago", at: now - 7 * DAY },
  ].filter((one) => one.at < now - 60_000);
}

/** For a field that takes a date and a time of day of this place. */
export function fieldOf(at: number): string {
  const date = new Date(at);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  // What happened within one minute is told apart too.
  return `${day}T${time}:${two(date.getSeconds())}`;
}

export function putBackTold({ restored, removed, missing }: Omit<PutBack, "id">): string {
  if (!restored && !removed && !missing) return "Nothing differed from then.";
  const parts = [
    restored ? `${count(restored, "file")} brought back` : "",
    removed ? `${count(removed, "newer file")} moved to the trash` : "",
    missing
      ? `${count(missing, "file stays as it is, because its", "files stay as they are, because their")} content of then is no longer kept`
      : "",
  ].filter(Boolean);
  return `${parts.join(", ")}.`;
}

/** How the last look at all contents went. */
export function scrubTold(it: Scrub): string {
  if (it.ended_at === null) return "All files have not been looked through yet.";
  const read = `${count(it.files, "file")}, ${size(it.bytes)}`;
  const spoilt = it.damaged.filter((one) => !one.healed).length;
  const well = it.damaged.length
    ? `${read}, ${spoilt ? `of which ${spoilt.toLocaleString()} not as saved` : "all as saved again"}.`
    : `${read}, all as saved.`;
  return it.skipped
    ? `${well} ${count(it.skipped, "file was", "files were")} just being changed.`
    : well;
}
