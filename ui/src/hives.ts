// The owner's calls about friends' hives: one line for each. Apart from `api.ts`, so that a guest
// never fetches them.

import { apiBase, verbs } from "./api";
import type * as Wire from "./wire/hives";
import type { File, Right, Share } from "./wire/types";

const { get, post, put, patch, del, text } = verbs;

export type SharedWith = { hive: string } | { group: string };

const member = (share: string, who: SharedWith) =>
  "hive" in who ? `/shares/${share}/members/${who.hive}` : `/shares/${share}/groups/${who.group}`;

const side = (file: string, name: Wire.SideName) => `/files/${file}/two-versions/${name}/raw`;
const version = (file: string, id: number) => `/files/${file}/versions/${id}`;

export const sideUrl = (file: string, name: Wire.SideName): string => apiBase + side(file, name);
export const versionUrl = (file: string, id: number): string =>
  `${apiBase}${version(file, id)}/raw`;

export const hives = {
  // Friends and groups
  friends: () => get<Wire.Friend[]>("/friends"),
  befriend: (by: { link: string } | { words: string }) => post<Wire.Befriended>("/friends", by),
  changeFriend: (
    hive: string,
    wish: {
      name?: string | null;
      muted?: boolean;
      auto_accept?: boolean;
      up_kb?: number;
      down_kb?: number;
    },
  ) => patch<Wire.Friend>(`/friends/${hive}`, wish),
  removeFriend: (hive: string) => del(`/friends/${hive}`),
  pauseFriend: (hive: string, until_at: number | null) =>
    put<unknown>(`/friends/${hive}/pause`, { until_at }),
  resumeFriend: (hive: string) => del(`/friends/${hive}/pause`),
  nearby: () => get<Wire.Nearby[]>("/nearby"),
  invite: (wish: { share?: string; right?: Right } = {}) =>
    post<Wire.NewInvitation>("/invitations", wish),
  invitations: () => get<Wire.Invitation[]>("/invitations"),
  takeBack: (invitation: string) => del(`/invitations/${invitation}`),
  groups: () => get<Wire.Group[]>("/groups"),
  newGroup: (name: string) => post<Wire.Group>("/groups", { name }),
  renameGroup: (group: string, name: string) => patch<Wire.Group>(`/groups/${group}`, { name }),
  removeGroup: (group: string) => del(`/groups/${group}`),
  join: (group: string, hive: string) => put<unknown>(`/groups/${group}/members/${hive}`, {}),
  part: (group: string, hive: string) => del(`/groups/${group}/members/${hive}`),

  // Members of a share, and offers
  members: (share: string) => get<Wire.Member[]>(`/shares/${share}/members`),
  give: (share: string, to: SharedWith, right: Right) => put<unknown>(member(share, to), { right }),
  take: (share: string, from: SharedWith) => del(member(share, from)),
  offers: () => get<Wire.Offer[]>("/offers"),
  accept: (share: string, wish: Wire.OfferWish) => post<Share>(`/offers/${share}/accept`, wish),
  decline: (share: string) => post<void>(`/offers/${share}/decline`),
  leave: (share: string, delete_local: boolean) =>
    post<void>(`/shares/${share}/leave`, { delete_local }),
  pauseShare: (share: string, until_at: number | null) =>
    put<unknown>(`/shares/${share}/pause`, { until_at }),
  resumeShare: (share: string) => del(`/shares/${share}/pause`),

  chosen: (share: string) => get<Wire.Chosen>(`/shares/${share}/chosen`),
  choose: (share: string, folders: string[] | null, remove_copies = false) =>
    put<Wire.Chosen>(`/shares/${share}/chosen`, { folders, remove_copies }),

  // In step, or why not
  sync: (share: string) => get<Wire.Sync>(`/shares/${share}/sync`),
  confirmDeletions: (share: string) => post<unknown>(`/shares/${share}/sync/confirm`),
  takeBackDeletions: (share: string) => post<unknown>(`/shares/${share}/sync/take-back`),
  limits: () => get<Wire.Limits>("/limits"),
  changeLimits: (wish: Partial<Omit<Wire.Limits, "network">>) =>
    patch<Wire.Limits>("/limits", wish),
  scrub: () => get<Wire.Scrub>("/scrub"),
  beginScrub: (share: string | null = null) => post<Wire.Scrub>("/scrub", { share }),
  why: (file: string) => get<Wire.Why>("/why", { file }),
  whyPath: (share: string, path: string) => get<Wire.Why>("/why", { share, path }),
  ignore: (share: string) => get<Wire.Ignore>(`/shares/${share}/ignore`),
  setIgnore: (share: string, text: string) => put<Wire.Ignore>(`/shares/${share}/ignore`, { text }),
  previewIgnore: (share: string, text: string) =>
    post<Wire.Caught[]>(`/shares/${share}/ignore/preview`, { text }),

  // Versions and the trash
  versions: (file: string) => get<Wire.Version[]>(`/files/${file}/versions`),
  versionText: (file: string, id: number) => text(`${version(file, id)}/raw`),
  restore: (file: string, id: number, as_copy = false) =>
    post<File>(`${version(file, id)}/restore`, { as_copy }),
  changeVersion: (file: string, id: number, wish: { name?: string | null; pinned?: boolean }) =>
    patch<Wire.Version>(version(file, id), wish),
  trash: (share: string) => get<Wire.Trashed[]>(`/shares/${share}/trash`),
  trashInside: (file: string) => get<Wire.Trashed[]>(`/trash/${file}`),
  stood: (share: string, at: number, path?: string) =>
    get<Wire.Stood[]>(`/shares/${share}/stood`, { at, path }),
  bringBack: (file: string) => post<File>(`/trash/${file}/restore`),
  forget: (file: string) => del(`/trash/${file}`),
  history: () => get<Wire.HistoryLimits>("/history"),
  changeHistory: (wish: Partial<Omit<Wire.HistoryLimits, "stored">>) =>
    patch<Wire.HistoryLimits>("/history", wish),
  putBack: (share: string, at: number, folder?: string) =>
    post<Wire.PutBack>(`/shares/${share}/put-back`, { at, folder }),
  undoPutBack: (id: number) => post<Wire.PutBack>(`/put-back/${id}/undo`),

  // Two versions
  twoVersions: (share?: string) => get<Wire.TwoVersions[]>("/two-versions", { share }),
  sideText: (file: string, name: Wire.SideName) => text(side(file, name)),
  resolve: (file: string, keep: Wire.Keep) =>
    post<{ undo: string }>(`/files/${file}/two-versions`, keep),
  undoResolve: (file: string, undo: string) =>
    post<unknown>(`/files/${file}/two-versions/undo`, { undo }),
};
