// How friends' hives are told of: where they are, how far they are, and what is next. Pure.

import type { HeldBack, Member, Pause, Way, Written } from "../wire/hives";
import { count, eta, names, size, soon, when } from "../words";

export const WAY_WORDS: Record<Way, { short: string; long: string }> = {
  lan: { short: "this network", long: "Straight over this network. Nothing leaves it." },
  direct: {
    short: "direct",
    long: "Straight from hive to hive over the internet, encrypted from end to end.",
  },
  relay: {
    short: "relay",
    long: "Through a relay, because no straight way was found. It sees no content.",
  },
};

/** "Bo on laptop", or "Bo's hive" where the device says both. */
export const whoAndWhere = ({ by, device, guest }: Partial<Written>): string => {
  if (!by) return guest ? `${guest}, a guest` : "Somebody";
  const person = guest ? `${guest}, a guest of ${by.name}` : by.name;
  // A hive is often called after its owner: that says it all.
  if (!guest && device?.startsWith(by.name)) return device;
  return device ? `${person} on ${device}` : person;
};

export function seen(
  one: { online: boolean; path: Way | null; last_seen_at: number | null },
  now: number,
): string {
  if (one.online) return one.path ? `online, ${WAY_WORDS[one.path].short}` : "online";
  if (one.last_seen_at === null) return "not seen yet";
  return `last seen ${when(one.last_seen_at, now)}`;
}

/** Whether somebody answers to what was typed: their name here, their own, or their device. */
export const isCalled = (
  one: { name: string; own_name?: string; device?: string },
  typed: string,
): boolean =>
  [one.name, one.own_name, one.device].some((name) =>
    name?.toLowerCase().includes(typed.trim().toLowerCase()),
  );

export const pausedUntil = (pause: Pick<Pause, "until_at">, now: number): string =>
  pause.until_at === null ? "Paused until you resume" : `Paused until ${soon(pause.until_at, now)}`;

/** "3 files, 12 MB to go"; empty when nothing is known of it. */
export function toGo(files: number | null, bytes: number | null): string {
  const parts = [files ? count(files, "file") : "", bytes ? size(bytes) : ""].filter(Boolean);
  return parts.length ? `${parts.join(", ")} to go` : "";
}

/** Speed and time left, each only when the hive knows it. */
export function pace(speed: number | null | undefined, seconds: number | null | undefined): string {
  if (!speed) return "";
  const left = seconds ? eta(seconds) : "";
  return left ? `${size(speed)}/s, ${left} left` : `${size(speed)}/s`;
}

export interface Told {
  text: string;
  tone: "good" | "soft" | "busy";
}

/** How far a member's copy is: the state, the reason, the next step. */
export function howFar(one: Member & { paused?: Pause | null }, now: number): Told {
  if (one.state === "offered")
    return { text: "Offered. It begins when they accept.", tone: "soft" };
  const whose = one.self ? "Your copy" : "Their copy";
  if (one.state === "left") return { text: `Left. ${whose} stays as it was.`, tone: "soft" };
  if (one.state === "removed")
    return { text: `Removed. ${whose} gets no changes any more.`, tone: "soft" };
  if (one.paused) return { text: `${pausedUntil(one.paused, now)}.`, tone: "soft" };
  const known = one.known_at === null ? "" : when(one.known_at, now);
  if (one.in_sync)
    return { text: known ? `In step, as was heard ${known}` : "In step", tone: "good" };
  const left = toGo(one.files_to_go, one.bytes_to_go);
  if (one.self) return { text: left || "Catching up", tone: "busy" };
  if (!one.online && one.away) return { text: one.away, tone: "soft" };
  if (!one.online) {
    const away = one.last_seen_at === null ? "" : ` Last seen ${when(one.last_seen_at, now)}.`;
    const back = "It goes on when that hive is back.";
    const behind = `${left || "Not in step"}${known ? `, as was heard ${known}` : ""}.`;
    return { text: `${behind}${away} ${back}`, tone: "soft" };
  }
  const rate = pace(one.speed, one.seconds_left);
  if (left) return { text: rate ? `${left}, ${rate}` : left, tone: "busy" };
  return { text: one.in_sync === null ? "Comparing" : "Catching up", tone: "busy" };
}

/** One sentence for a whole share, or "" while nothing is known. */
export function shareTold(members: Member[]): Told | null {
  const others = members.filter((one) => !one.self && one.state === "member");
  if (!others.length) return null;
  const behind = others.filter((one) => !one.in_sync);
  if (!behind.length) return { text: `In step with ${names(others.map(nameOf))}`, tone: "good" };
  const busy = behind.some((one) => one.online);
  const refuses = behind.find((one) => one.away && !one.online);
  if (refuses && behind.every((one) => !one.online))
    return { text: `Not in step with ${refuses.name}. ${refuses.away}`, tone: "soft" };
  const who = names(behind.map(nameOf));
  return busy
    ? { text: `Going out to ${who}`, tone: "busy" }
    : { text: `Waits for ${who}`, tone: "soft" };
}

const nameOf = (one: Member): string => one.name;

/** What is done of what was to do, from the most that was ever to go; null when not known. */
export class Filled {
  #most = new Map<string, number>();

  of(key: string, bytes: number | null): number | null {
    if (bytes === null) return null;
    if (bytes === 0) {
      this.#most.delete(key);
      return null;
    }
    const most = Math.max(bytes, this.#most.get(key) ?? 0);
    this.#most.set(key, most);
    return 1 - bytes / most;
  }
}

export interface Held {
  text: string;
  hint: string;
  confirm: string;
}

/** A mass deletion that waits for a word, from here or from a friend. */
export function heldBack(held: HeldBack | null): Held | null {
  if (!held) return null;
  const { own, friends: theirs } = held;
  if (!own && !theirs) return null;
  const all = count(theirs || own, "file or folder", "files and folders");
  if (!theirs)
    return {
      text: `${all} went away here at once.`,
      hint: "Friends still have them: nothing was told yet. Bring them back, or remove them for everybody.",
      confirm: `Remove ${all} everywhere`,
    };
  return {
    text: `${all} would be removed here at once, because a friend removed them.`,
    hint: "Nothing is removed until you say so. They would lie in the trash for 30 days.",
    confirm: `Remove ${all} here`,
  };
}
