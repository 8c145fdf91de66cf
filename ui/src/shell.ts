// Lets the pages open while the hive is away: the browser keeps their scripts and styles.

const assets = (): string[] =>
  performance
    .getEntriesByType("resource")
    .map(({ name }) => new URL(name, location.href))
    .filter(({ origin, pathname }) => origin === location.origin && /^\/assets\//.test(pathname))
    .map(({ pathname }) => pathname);

/** Where the browser allows it: on this computer, or over a connection that it trusts. */
export function keepShell() {
  const workers = isSecureContext ? navigator.serviceWorker : undefined;
  if (!workers || import.meta.env.DEV) return;
  const tell = () => workers.controller?.postMessage({ page: location.pathname, assets: assets() });
  const told = () => setTimeout(tell, 1000);
  workers.addEventListener("controllerchange", told);
  // What was fetched before the worker was there is told to it; the rest it sees itself.
  workers.register("/sw.js").then(told, () => undefined);
}
