// The only file that talks HTTP to the hive: one line for each call of its API.

import { apiBase as apiOf } from "./paths";
import type * as Wire from "./wire/types";

/** What went wrong, in the hive's own sentences. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly hint: string,
    readonly retryAfter = 0,
  ) {
    super(detail);
  }
}

export const asProblem = (cause: unknown): Problem =>
  cause instanceof Problem
    ? cause
    : new Problem(0, "page", "This page could not finish that.", "Reload the page and try again.");

const base = apiOf(location.pathname);
const unreachable = () =>
  new Problem(
    0,
    "unreachable",
    "The hive is not answering.",
    "It goes on by itself when the hive is back.",
  );

type Query = Record<string, string | number | null | undefined>;

const withQuery = (path: string, query: Query): string => {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const text = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  return text ? `${path}?${text}` : path;
};

export const problemOf = (told: Record<string, string>, status = 0): Problem =>
  new Problem(status, told.code ?? "internal", told.detail ?? "", told.hint ?? "");

async function problemFrom(answer: Response): Promise<Problem> {
  const told = (await answer.json().catch(() => ({}))) as Record<string, string>;
  return new Problem(
    answer.status,
    told.code ?? "internal",
    told.detail ?? `The hive answered ${answer.status} and gave no reason.`,
    told.hint ?? "Try again in a moment.",
    Number(answer.headers.get("retry-after") ?? 0),
  );
}

async function send(method: string, url: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(url, {
    credentials: "same-origin",
    cache: "no-store",
    method,
    ...init,
  }).catch((cause: unknown) => {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw unreachable();
  });
  if (!answer.ok) throw await problemFrom(answer);
  return answer;
}

async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const init: RequestInit = { signal: signal ?? null };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "content-type": "application/json" };
  }
  const answer = await send(method, base + path, init);
  return (answer.status === 204 ? undefined : await answer.json().catch(() => undefined)) as T;
}

const get = <T>(path: string, query: Query = {}, signal?: AbortSignal) =>
  call<T>("GET", withQuery(path, query), undefined, signal);
const post = <T>(path: string, body: unknown = {}) => call<T>("POST", path, body);
const put = <T>(path: string, body: unknown) => call<T>("PUT", path, body);
const patch = <T>(path: string, body: unknown) => call<T>("PATCH", path, body);
const del = (path: string) => call<void>("DELETE", path);

const text = async (path: string) => (await send("GET", base + path)).text();

/** Sends bytes as they are. */
const upload = async <T>(path: string, query: Query, body: Blob): Promise<T> =>
  (await send("PUT", withQuery(base + path, query), { body })).json();

/** For other tables of calls, which a guest does not fetch. */
export const verbs = { get, post, put, patch, del, text, upload };
export const apiBase = base;
export const eventsUrl = `${base}/events`;
export const rawUrl = (file: string): string => `${base}/files/${file}/raw`;
export const downloadUrl = (file: string): string => `${rawUrl(file)}?download=1`;

export const api = {
  // Signing in
  signIn: (token: string) => post<Wire.Me>("/session", { token }),
  signOut: () => del("/session"),
  me: () => get<Wire.Me>("/me"),
  rename: (wish: { name?: string; hue?: number }) => put<Wire.Me>("/me", wish),
  welcome: (signal?: AbortSignal) => get<Wire.Welcome>("/welcome", {}, signal),
  redeem: (wish: { secret: string; password?: string; name?: string }) =>
    post<Wire.Me>("/session", wish),

  // The hive
  ready: () => post<void>("/ready"),
  onboard: (wish: { name: string; hue: number; hive_name: string; reach: Wire.Reach }) =>
    put<Wire.Me>("/onboarding", wish),
  status: () => get<Wire.Status>("/status"),
  renameHive: (me: Wire.Me, hive_name: string, reach: Wire.Reach) =>
    put<Wire.Me>("/onboarding", { name: me.person.name, hue: me.person.hue, hive_name, reach }),
  reaches: () => get<Wire.ReachChoice[]>("/reach"),
  setReach: (reach: Wire.Reach) => put<Wire.Status>("/reach", { reach }),
  setDoors: (doors: Wire.Doors) => put<Wire.Status>("/doors", doors),
  testReach: () => post<Wire.Address[]>("/reach/test"),
  pause: (until_at: number | null) => put<unknown>("/pause", { until_at }),
  resume: () => del("/pause"),
  recent: (limit = 12) => get<Wire.Recent[]>("/recent", { limit }),
  folders: (path?: string) => get<Wire.Folders>("/folders", { path }),
  here: () => get<Wire.Here[]>("/here"),
  alive: () => send("GET", "/healthz"),

  // Shares and files
  shares: () => get<Wire.Share[]>("/shares"),
  share: (path: string, name?: string) => post<Wire.Share>("/shares", { path, name }),
  renameShare: (share: string, name: string) => patch<Wire.Share>(`/shares/${share}`, { name }),
  unshare: (share: string) => del(`/shares/${share}`),
  files: (share: string, query: Query, signal?: AbortSignal) =>
    get<Wire.FilePage>(`/shares/${share}/files`, query, signal),
  search: (share: string, q: string, limit = 50, signal?: AbortSignal) =>
    get<Wire.File[]>(`/shares/${share}/search`, { q, limit }, signal),
  raw: (file: string, signal: AbortSignal) => send("GET", rawUrl(file), { signal }),
  file: (file: string) => get<Wire.OpenFile>(`/files/${file}`),
  fileByPath: (share: string, path: string) =>
    get<Wire.OpenFile>("/files/by-path", { share, path }),
  newFile: (share: string, path: string, text = "") =>
    post<Wire.File>(`/shares/${share}/files`, { path, text }),
  openDocument: (file: string) => post<Wire.OpenDocument>(`/files/${file}/document`),
  beginning: async (file: string, bytes: number): Promise<string> =>
    (await send("GET", rawUrl(file), { headers: { range: `bytes=0-${bytes - 1}` } })).text(),

  // Links and keys
  newLink: (wish: Wire.LinkWish) => post<Wire.NewLink>("/links", wish),
  links: (of: { share?: string | undefined; file?: string | undefined }) =>
    get<Wire.Link[]>("/links", of),
  changeLink: (id: string, wish: Partial<Wire.LinkWish>) => patch<Wire.Link>(`/links/${id}`, wish),
  revokeLink: (id: string) => del(`/links/${id}`),
  programs: (file: string) => get<Wire.Key[]>("/programs", { file }),
  newProgram: (wish: { file: string; name: string; right: Wire.Right }) =>
    post<Wire.NewProgram>("/programs", wish),
  keys: () => get<Wire.Key[]>("/keys"),
  revoke: (key: Wire.Key) => del(`/keys/${key.kind}/${key.id}`),
  newToken: (wish: {
    name: string;
    right: Wire.Right;
    share: string | null;
    expires_at: number | null;
  }) => post<Wire.Key & { token: string }>("/tokens", wish),
};
