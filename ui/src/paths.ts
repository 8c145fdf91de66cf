// Every page of Skep and its URL, for the owner (`/`, `/app/…`) and for a guest (`/l/{link}/…`).

export type Place =
  | { page: "home" }
  | { page: "welcome" }
  | { page: "open" }
  | { page: "folder"; share: string; folder: string }
  | { page: "file"; file: string }
  | { page: "keys" }
  | { page: "friends" }
  | { page: "join" }
  | { page: "two" }
  | { page: "trash"; share: string }
  | { page: "rules"; share: string }
  | { page: "settings" }
  | { page: "lost" };

export const linkOf = (pathname: string): string | null =>
  /^\/l\/([^/]+)/.exec(pathname)?.[1] ?? null;

export const apiBase = (pathname: string): string => {
  const link = linkOf(pathname);
  return link ? `/l/${link}/api/v1` : "/api/v1";
};

const encode = (path: string): string => path.split("/").map(encodeURIComponent).join("/");

const decode = (path: string): string => {
  try {
    return path.split("/").filter(Boolean).map(decodeURIComponent).join("/");
  } catch {
    return path;
  }
};

const link = linkOf(globalThis.location?.pathname ?? "/");
const root = link ? `/l/${link}` : "/app";

export const paths = {
  home: link ? root : "/",
  welcome: "/app/welcome",
  keys: "/app/keys",
  settings: "/app/settings",
  friends: "/app/friends",
  join: "/app/join",
  two: "/app/two-versions",
  trash: (share: string): string => `/app/trash/${share}`,
  rules: (share: string): string => `/app/rules/${share}`,
  folder: (share: string, folder = ""): string =>
    link
      ? `${root}/folder/${encode(folder)}`
      : `${root}/share/${share}${folder ? `/${encode(folder)}` : ""}`,
  file: (file: string): string => `${root}/file/${file}`,
};

export function parse(pathname: string): Place {
  const guest = linkOf(pathname);
  if (guest) return parseGuest(pathname.slice(`/l/${guest}`.length));
  if (pathname === "/" || pathname === "/app" || pathname === "/app/") return { page: "home" };
  if (pathname === "/open") return { page: "open" };
  const [, share, folder] = /^\/app\/share\/([^/]+)(\/.*)?$/.exec(pathname) ?? [];
  if (share) return { page: "folder", share, folder: decode(folder ?? "") };
  const [, file] = /^\/app\/file\/([^/]+)$/.exec(pathname) ?? [];
  if (file) return { page: "file", file };
  const [, page, of] = /^\/app\/(trash|rules)\/([^/]+)$/.exec(pathname) ?? [];
  if (of) return { page: page as "trash" | "rules", share: of };
  // A `skep://join/…` link may come as it is, with the ticket for a path.
  if (/^\/app\/join(\/|$)/.test(pathname)) return { page: "join" };
  if (pathname === paths.two) return { page: "two" };
  const [, name] = /^\/app\/(welcome|keys|settings|friends)\/?$/.exec(pathname) ?? [];
  return name ? { page: name as "welcome" | "keys" | "settings" | "friends" } : { page: "lost" };
}

function parseGuest(rest: string): Place {
  if (rest === "" || rest === "/") return { page: "home" };
  const [, folder] = /^\/folder(\/.*)?$/.exec(rest) ?? [];
  if (rest.startsWith("/folder"))
    return { page: "folder", share: "", folder: decode(folder ?? "") };
  const [, file] = /^\/file\/([^/]+)$/.exec(rest) ?? [];
  return file ? { page: "file", file } : { page: "lost" };
}

/** The folder above a path, "" for the top of a share. */
export const parentOf = (path: string): string => path.split("/").slice(0, -1).join("/");

export interface Crumb {
  name: string;
  folder: string;
}

/** "a/b/c" as a, a/b, a/b/c: one step for each folder. */
export function crumbs(path: string): Crumb[] {
  const names = path.split("/").filter(Boolean);
  return names.map((name, at) => ({ name, folder: names.slice(0, at + 1).join("/") }));
}
