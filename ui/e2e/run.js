// Starts the end-to-end tests: `npm run e2e [-- FILE…]`, after looking for what they need.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CHROMIUM } from "./browser.js";
import { SKEP } from "./hive.js";

const HERE = fileURLToPath(new URL(".", import.meta.url));

function need(path, what, how) {
  if (existsSync(path)) return;
  console.error(`${what} is not there: ${path}\n${how}`);
  process.exit(2);
}

need(
  SKEP,
  "The skep program",
  "Build it: npm run build (in ui), then cargo build -p cli. SKEP_BIN names another one.",
);
need(
  CHROMIUM,
  "The browser for the tests",
  "Install it: apt-get install chromium. SKEP_CHROMIUM names another one.",
);

const asked = process.argv.slice(2);
const all = readdirSync(HERE).filter((name) => name.endsWith(".test.js"));
const chosen = asked.length ? all.filter((name) => asked.some((part) => name.includes(part))) : all;
const options = ["--test", "--test-concurrency=2", "--test-reporter=spec"];
const files = chosen.sort().map((name) => HERE + name);
const { status } = spawnSync(process.execPath, [...options, ...files], { stdio: "inherit" });
process.exit(status ?? 1);
