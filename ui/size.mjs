// Weighs what each entry fetches before anything is opened, as the browser gets it (gzip).
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGETS = { "guest.html": 60_000, "app.html": 150_000 };

const weight = (path) => gzipSync(readFileSync(`dist${path}`), { level: 9 }).length;

/** Scripts and styles named in the page, and the scripts that those import at once. */
function firstFiles(page) {
  const html = readFileSync(`dist/${page}`, "utf8");
  const found = new Set(
    [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+\.(?:js|css))"/g)].map((m) => m[1]),
  );
  for (const path of found) {
    if (!path.endsWith(".js")) continue;
    const code = readFileSync(`dist${path}`, "utf8");
    for (const [, name] of code.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) {
      found.add(`/assets/${name}`);
    }
  }
  return [...found];
}

let over = false;
for (const [page, most] of Object.entries(BUDGETS)) {
  const files = firstFiles(page);
  const bytes = files.reduce((sum, path) => sum + weight(path), 0);
  over ||= bytes > most;
  const told = `${(bytes / 1000).toFixed(1)} of ${most / 1000} KB gzip in ${files.length} files`;
  console.log(`${page}: ${told}${bytes > most ? ", too much" : ""}`);
}
process.exit(over ? 1 : 0);
