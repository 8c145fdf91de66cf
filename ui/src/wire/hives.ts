// What the hive says over HTTP about friends' hives, members, versions and rules.

import type { FileType, Hue, Right } from "./types";

/** A person with the hive and the device that something came from. */
export interface By {
  hive: string;
  name: string;
  hue: Hue;
  device?: string | null;
}

export type Way = "lan" | "direct" | "relay";

export interface Friend {
  hive: string;
  /** The name that this hive's owner gave. */
  name: string;
  /** The name that they gave themselves. */
  own_name: string;
  hue: Hue;
  online: boolean;
  path: Way | null;
  last_seen_at: number | null;
  added_at: number;
  muted: boolean;
  auto_accept: boolean;
  phrase: string[];
  groups: string[];
  shares: number | { id: string; name: string }[];
  paused?: Pause | null;
}

export interface Pause {
  until_at: number | null;
}

export interface Invitation {
  id: string;
  /** Given only when it is made. */
  link?: string | null;
  words?: string | null;
  expires_at: number | null;
  created_at?: number;
  share?: string | null;
  share_name?: string | null;
  right?: Right | null;
}

export interface Group {
  id: string;
  name: string;
  members: string[];
}

export interface Nearby {
  hive: string;
  name: string;
}

export type MemberState = "member" | "offered" | "left" | "removed";

export interface Member {
  hive: string;
  name: string;
  hue: Hue;
  device: string | null;
  right: Right | null;
  state: MemberState;
  self: boolean;
  online: boolean;
  path: Way | null;
  last_seen_at: number | null;
  /** `null`: the hives have not spoken yet. */
  in_sync: boolean | null;
  files_to_go: number | null;
  bytes_to_go: number | null;
  speed: number | null;
  seconds_left: number | null;
  paused?: Pause | null;
}

export interface Offer {
  share: string;
  name: string;
  from: { hive: string; name: string; hue: Hue };
  right: Right;
  files: number | null;
  bytes: number | null;
  /** The folders at its top, where they are known. */
  folders?: string[] | null;
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
  own?: number;
  /** Removed by friends, not done here yet. */
  friends?: number;
  deletions?: number;
}

export interface Sync {
  in_sync: boolean | null;
  files_to_go: number | null;
  bytes_to_go: number | null;
  speed?: number | null;
  seconds_left?: number | null;
  friends: Member[];
  waiting: Waiting[];
  held_back: HeldBack | null;
  paused?: Pause | null;
}

export interface Why {
  path: string;
  in_step: boolean;
  code: string;
  detail: string;
  hint: string;
}

export type VersionVerb = "added" | "changed" | "restored" | "merged";

export interface Version {
  id: string;
  at: number;
  by: By | null;
  guest: string | null;
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
  size: number | null;
  gone_at: number;
  by: By | null;
  days_left: number | null;
  kept: boolean;
}

export interface PutBack {
  id: string;
  restored: number;
  removed: number;
}

export interface VersionSide {
  hash: string;
  at: number;
  by: By | null;
  guest?: string | null;
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
