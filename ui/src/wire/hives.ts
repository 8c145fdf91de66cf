// What the hive says over HTTP about friends' hives, members, versions and rules.

import type { FileType, Hue, Person, Right } from "./types";

export type Way = "lan" | "direct" | "relay";

export interface Friend {
  hive: string;
  /** The name that this hive's owner gave. */
  name: string;
  /** The name that they gave themselves. */
  own_name: string;
  hue: Hue;
  device: string;
  online: boolean;
  path: Way | null;
  /** Why their hive, though it answers, does not connect. */
  away: string | null;
  last_seen_at: number | null;
  added_at: number;
  muted: boolean;
  auto_accept: boolean;
  /** How fast contents may go to them and come from them, in kB a second; 0: no limit. */
  up_kb: number;
  down_kb: number;
  phrase: string[];
  groups: string[];
  /** Shares that both may take part in. */
  shares: string[];
  paused: Pause | null;
}

export interface Pause {
  since_at: number;
  until_at: number | null;
}

export interface Invitation {
  id: string;
  share: string | null;
  share_name: string | null;
  right: Right | null;
  /** Three words for a friend on the same network. */
  words: string | null;
  created_at: number;
  expires_at: number;
}

export interface NewInvitation extends Invitation {
  /** Shown here and never again. */
  link: string;
}

export interface Group {
  id: string;
  name: string;
  /** Hives of its friends. */
  friends: string[];
  shares: { share: string; right: Right }[];
  created_at: number;
}

export interface Nearby {
  hive: string;
  name: string;
}

export type MemberState = "member" | "offered" | "left" | "removed";

/** How much a hive still lacks of a share; `null` where that is not known. */
export interface Lag {
  in_sync: boolean | null;
  files_to_go: number | null;
  bytes_to_go: number | null;
  /** Bytes a second, smoothed. */
  speed: number | null;
  seconds_left: number | null;
  /** When it was so, of a hive that is not connected with this one now. */
  known_at: number | null;
}

export interface Member extends Lag {
  hive: string;
  name: string;
  hue: Hue;
  device: string;
  right: Right;
  state: MemberState;
  self: boolean;
  /** Whether they began the share. */
  founder: boolean;
  /** Whether they are a friend of this hive, rather than known through others. */
  friend: boolean;
  /** Groups through which they have the share. */
  groups: string[];
  online: boolean;
  path: Way | null;
  /** Why their hive, though it answers, does not connect. */
  away: string | null;
  last_seen_at: number | null;
}

export interface Offer {
  share: string;
  name: string;
  kind: "folder" | "file";
  /** Their `id` is that of their hive. */
  from: Person;
  right: Right;
  files: number;
  bytes: number;
  /** The folders in its root. */
  folders: TopFolder[];
  at: number;
}

/** A folder in the root of a share. */
export interface TopFolder {
  path: string;
  bytes: number;
  /** Whether it is to be on this hive. */
  chosen: boolean;
}

/** Which folders of a share are to be on this hive. */
export interface Chosen {
  /** As paths in the share; `null`: everything. */
  folders: string[] | null;
  /** Those in the root, chosen or not. */
  all: TopFolder[];
  /** What still stands here in folders that are not chosen. */
  left_over: { files: number; bytes: number };
}

export interface Befriended {
  friend: Friend;
  offers: Offer[];
}

export interface OfferWish {
  path?: string;
  name?: string;
  folders?: string[];
}

export interface Waiting {
  file: string | null;
  path: string;
  code: string;
  detail: string;
  hint: string;
}

export interface HeldBack {
  /** Removed here, not told to friends yet. */
  own: number;
  /** Removed by friends, not done here yet. */
  friends: number;
  deletions: number;
}

export interface Sync {
  /** Whether this hive and all who take part have everything. */
  in_sync: boolean;
  /** How this hive stands in the share. */
  state: MemberState;
  /** What this hive still lacks. */
  here: Lag;
  files_to_go: number;
  bytes_to_go: number;
  /** The others. */
  friends: Member[];
  waiting: Waiting[];
  held_back: HeldBack | null;
  paused: Pause | null;
  /** Why nothing goes to and from any friend at present. */
  resting: Resting | null;
  limits: Limits;
}

export interface Resting {
  code: "metered" | "paused" | "ended";
  detail: string;
  hint: string;
}

/** How fast contents may go, with all friends together, and over which networks. */
export interface Limits {
  /** In kB a second; 0: no limit. */
  up_kb: number;
  down_kb: number;
  /** Whether friends' hives rest on a network that costs by the byte. */
  only_unmetered: boolean;
  /** `null` unless it matters; `unknown` counts as unmetered. */
  network: "metered" | "unmetered" | "unknown" | null;
}

export interface Why {
  path: string;
  in_step: boolean;
  code: string;
  detail: string;
  hint: string;
}

export type VersionVerb = "added" | "changed" | "restored" | "merged";

/** Who wrote something, and where. */
export interface Written {
  /** Their `id` is that of their hive. */
  by: Person | null;
  device: string;
  /** Who wrote it there, when it was a guest. */
  guest: string | null;
}

export interface Version extends Written {
  id: number;
  at: number;
  size: number;
  hash: string;
  name: string | null;
  pinned: boolean;
  current: boolean;
  /** Whether its content is still here. */
  kept: boolean;
  verb: VersionVerb;
}

export interface Trashed {
  file: string;
  path: string;
  name: string;
  kind: "folder" | "file" | "link";
  /** Of a folder, with all that went with it. */
  size: number;
  files: number;
  gone_at: number;
  by: Person | null;
  device: string;
  days_left: number;
  /** Whether all of it can be had. */
  kept: boolean;
}

export interface PutBack {
  id: number;
  restored: number;
  removed: number;
  /** Files that stay as they are: their bytes of that moment are no longer kept. */
  missing: number;
}

/** How a file or folder stood at a moment. */
export interface Stood {
  file: string;
  path: string;
  kind: "folder" | "file" | "link";
  size: number;
  /** The version of a file that it was. */
  version: number | null;
  at: number;
  /** Whether its bytes can be had. */
  kept: boolean;
}

/** How a look at all contents went, or how far it is. */
export interface Scrub {
  running: boolean;
  began_at: number | null;
  ended_at: number | null;
  files: number;
  bytes: number;
  of_files: number;
  of_bytes: number;
  /** Files that were just being changed, and so could not be judged. */
  skipped: number;
  /** Pieces of earlier versions that were looked at. */
  pieces: number;
  damaged: Damaged[];
}

/** A file, or an earlier version of it, that the disk spoilt. */
export interface Damaged {
  share: string;
  share_name: string;
  file: string;
  path: string;
  hash: string;
  earlier: boolean;
  /** Whether it is whole again. */
  healed: boolean;
}

export interface HistoryLimits {
  days: number;
  /** The largest file of which versions are kept, in megabytes. */
  file_mb: number;
  /** How much of the free disk it may take, from 0 to 1. */
  share_of_free: number;
  /** How many bytes it takes. */
  stored: number;
}

export interface VersionSide extends Written {
  hash: string;
  at: number;
  size: number;
}

export type SideName = "first" | "second" | "base";

export interface TwoVersions {
  file: string;
  share: string;
  share_name: string;
  path: string;
  type: FileType;
  sides: VersionSide[];
  mergeable: boolean;
  base: boolean;
}

export type Keep = { keep: "first" | "second" | "both" } | { keep: "text"; text: string };

export interface Ignore {
  text: string;
  defaults: { rule: string; why: string }[];
  ignored: number;
}

export interface Caught {
  path: string;
  rule: string;
  line: number | null;
}
