// The service worker is the browser's own way to the hive, beside `api.ts`.
/* eslint no-restricted-globals: "off" */
// Keeps Skep's own pages, scripts and styles for when the hive is away. What the pages show is
// never kept here: of the hive's answers only those are taken that are the same for everybody.

const KEPT = "skep-shell";
const MOST = 250;

const isPage = ({ pathname }) =>
  pathname === "/" ||
  pathname === "/open" ||
  /^\/app(\/|$)/.test(pathname) ||
  (/^\/l\/[^/]+(\/|$)/.test(pathname) && !/^\/l\/[^/]+\/(api|yjs)(\/|$)/.test(pathname));

/** All of the owner's addresses are one page, and all of the guests' another. */
const nameOf = ({ pathname }) => (pathname.startsWith("/l/") ? "/shell/guest" : "/shell/owner");

async function page(request, url) {
  const cache = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected) await cache.put(nameOf(url), answer.clone());
    return answer;
  } catch {
    return (await cache.match(nameOf(url))) ?? Response.error();
  }
}

async function asset(request) {
  const cache = await caches.open(KEPT);
  const known = await cache.match(request);
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}

/** The page tells what it came with before this worker was there. */
async function take({ page: path, assets }) {
  const cache = await caches.open(KEPT);
  const url = new URL(path, location.href);
  if (isPage(url)) {
    const answer = await fetch(url, { credentials: "omit" });
    if (answer.ok) await cache.put(nameOf(url), answer);
  }
  const wanted = assets.filter((name) => /^\/assets\/[\w.-]+$/.test(name));
  for (const name of wanted) if (!(await cache.match(name))) await cache.add(name);
  // Names change with what is in them: the oldest are those of earlier versions.
  const stale = (await cache.keys()).filter(({ url }) => {
    const { pathname } = new URL(url);
    return pathname.startsWith("/assets/") && !wanted.includes(pathname);
  });
  const over = stale.length + wanted.length - MOST;
  for (const request of stale.slice(0, Math.max(0, over))) await cache.delete(request);
}

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  if (event.data?.assets) event.waitUntil(take(event.data).catch(() => undefined));
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (request.destination === "document" && isPage(url)) event.respondWith(page(request, url));
  } else if (url.pathname.startsWith("/assets/")) {
    event.respondWith(asset(request));
  }
});
