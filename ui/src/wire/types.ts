// What the hive says over HTTP, as its API states it.

export type Right = "view" | "comment" | "edit" | "manage";
export type Reach = "computer" | "network" | "internet";
export type Hue = number;

export interface ReachChoice {
  reach: Reach;
  title: string;
  detail: string;
  /** What becomes visible to whom, one sentence each. */
  visible: string[];
}

export interface Person {
  id: string;
  name: string;
  hue: Hue;
}

export interface Me {
  role: "owner" | "guest";
  person: Person;
  hive: { id: string; name: string; owner: Person };
  right: Right;
  version: string;
  port: number;
  onboarded: boolean;
  link?: GuestLink | null;
  /** Where in the hive's journal this was read: events are followed from here. */
  seq: number;
}

export interface GuestLink {
  id: string;
  name: string | null;
  share: string;
  share_name: string;
  file: string | null;
  path: string;
  kind: "share" | "folder" | "file";
  right: Right;
  expires_at: number | null;
}

export interface Welcome {
  owner: { name: string; hue: Hue };
  hive_name: string;
  password_needed: boolean;
  state: "open" | "expired" | "revoked" | "used_up";
  expires_at: number | null;
}

export interface Here {
  /** Nobody for a program that came with a token. */
  person: Person | null;
  role: string;
  file: string | null;
  share: string | null;
  path: string | null;
  since_at: number;
}

export interface Address {
  url: string;
  reach: Reach;
  secure: boolean;
  tested_at: number | null;
  works: boolean | null;
  note?: string | null;
}

/** Where friends' hives may call besides what the hive finds out by itself. */
export interface Doors {
  addresses: string[];
  /** The owner's own; with one, no public relay is used. */
  relays: string[];
}

export interface Warning {
  code: string;
  detail: string;
  hint: string;
}

export interface Status {
  hive: { id: string; name: string };
  version: string;
  started_at: number;
  paused: { since_at: number; until_at: number | null } | null;
  reach: Reach;
  visible: string[];
  addresses: Address[];
  doors: Doors;
  shares: { count: number; problems: number };
  people_here: Here[];
  open_documents: number;
  memory_bytes: number | null;
  free_bytes: number | null;
  data_folder: string;
  warnings: Warning[];
}

export interface Recent {
  share: string;
  share_name: string;
  file: string | null;
  path: string;
  name: string;
  at: number;
  by: Person | null;
  verb: "added" | "changed" | "removed";
}

export interface Folders {
  path: string;
  parent: string | null;
  entries: { name: string; path: string }[];
}

export type ShareState = "in_step" | "scanning" | "missing" | "paused" | "unreadable";

export interface Share {
  id: string;
  name: string;
  root?: string | null;
  kind: "folder" | "file";
  state: ShareState;
  reason: string | null;
  files: number;
  bytes: number;
  links: number;
  right: Right;
  created_at: number;
  file: string | null;
}

export type FileType = "text" | "image" | "audio" | "video" | "pdf" | "other" | "folder";

export interface File {
  id: string;
  share: string;
  path: string;
  name: string;
  kind: "folder" | "file" | "link";
  size: number | null;
  modified_at: number | null;
  changed_by: { name: string; hue: Hue } | null;
  type: FileType;
  mime: string | null;
  here: string[];
}

/** Something to be said of a file in a list. */
export interface Note {
  detail: string;
  hint: string;
  /** Says it in full. */
  tell(): void;
}

/** Why a file cannot be edited live. */
export interface NotLive {
  no: Warning;
}

export interface OpenFile extends File {
  share_name: string;
  right: Right;
  live: "yes" | NotLive;
}

export interface FilePage {
  folder: string;
  total: number;
  offset: number;
  entries: File[];
}

export interface Link {
  id: string;
  name: string | null;
  share: string;
  share_name: string;
  file: string | null;
  path: string;
  kind: "share" | "folder" | "file";
  right: Right;
  password: boolean;
  expires_at: number | null;
  uses: number;
  uses_max: number | null;
  created_at: number;
  used_at: number | null;
  used_from: string | null;
  state: "open" | "expired" | "used_up";
}

export interface NewLink extends Link {
  url: string;
  urls: Address[];
  secret: string;
}

export interface LinkWish {
  share?: string;
  file?: string;
  path?: string;
  right: Right;
  expires_at: number | null;
  password?: string | null;
  uses_max?: number | null;
  name?: string | null;
}

/** A program that was let into a document; its token is told only here. */
export interface NewProgram extends Key {
  token: string;
  text: string;
  room: string | null;
  yjs: { url: string; params: { token?: string } };
  hocuspocus: { url: string };
  mobwrite: { url: string; tcp: string | null; file: string };
}

export interface Key {
  id: string;
  kind: "link" | "browser" | "guest" | "token";
  name: string | null;
  right: Right;
  what: string;
  created_at: number;
  used_at: number | null;
  used_from: string | null;
  expires_at: number | null;
  current: boolean;
}

export interface OpenDocument {
  file: string;
  generation: string | number;
  url: string;
  room: string;
  params: Record<string, string | number>;
  text: string;
  right: Right;
}

export type ChangeKind =
  | "share"
  | "file"
  | "link"
  | "person"
  | "settings"
  | "key"
  | "removed"
  | "friend"
  | "group"
  | "invitation"
  | "member"
  | "offer"
  | "pause"
  | "sync"
  | "version";

export interface Change {
  seq: number;
  kind: ChangeKind;
  key: string;
  share: string | null;
  at: number;
}

export type SortBy = "name" | "size" | "changed" | "kind";
export type Order = "asc" | "desc";
