// One hive with a home of its own: started, asked, paused, killed and stopped through `skep`.

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const SKEP =
  process.env.SKEP_BIN ?? resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug", "skep");

export class Hive {
  /** `http://127.0.0.1:PORT` while it runs. */
  url = "";
  #process = null;
  #ended = null;

  constructor(folder, home, settings) {
    this.folder = folder;
    this.home = home;
    this.settings = settings;
    this.log = join(folder, "hive.log");
  }

  /** A home in a fresh folder; nothing runs yet. `settings` are variables of its environment. */
  static async make({ home, settings = {} } = {}) {
    const folder = await mkdtemp(join(tmpdir(), "skep-e2e-"));
    return new Hive(folder, home ?? join(folder, "hive"), settings);
  }

  path(...parts) {
    return join(this.folder, ...parts);
  }

  /** Writes files below the hive's folder: `{"Trip/plan.md": "text"}`. */
  async put(files) {
    for (const [path, content] of Object.entries(files)) {
      const place = this.path(path);
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, content);
    }
  }

  get running() {
    return this.#process !== null;
  }

  get environment() {
    const { PATH, LANG } = process.env;
    return {
      PATH,
      LANG,
      HOME: this.folder,
      SKEP_HOME: this.home,
      SKEP_LISTEN_PORT: "0",
      SKEP_PEERS_PORT: "0",
      SKEP_SECRETS_KEEPER: "file",
      ...this.settings,
      ...(process.env.SKEP_LOG ? { SKEP_LOG: process.env.SKEP_LOG } : {}),
    };
  }

  /** Starts it, on its former port if it had one. */
  async start() {
    const listen = this.url ? ["--listen", new URL(this.url).host] : [];
    const env = this.environment;
    const stdio = ["ignore", "pipe", "pipe"];
    const child = spawn(SKEP, ["serve", "--json", ...listen], { env, stdio, cwd: this.folder });
    child.stderr.pipe(createWriteStream(this.log, { flags: "a" }));
    this.#process = child;
    this.#ended = once(child, "exit");
    const lines = createInterface({ input: child.stdout });
    const [line] = await Promise.race([
      once(lines, "line"),
      this.#ended.then(() => Promise.reject(new Error(`the hive ended; see ${this.log}`))),
    ]);
    this.url = JSON.parse(line).url;
    return this;
  }

  async #end(signal) {
    if (!this.#process) return;
    const ended = this.#ended;
    this.#process.kill(signal);
    this.#process = null;
    await ended;
  }

  stop() {
    return this.#end("SIGTERM");
  }

  /** As a power cut would: nothing is written any more. */
  kill() {
    return this.#end("SIGKILL");
  }

  /** Runs a `skep` command and gives what it printed; fails with its words. */
  async skep(...args) {
    const child = spawn(SKEP, args, { env: this.environment, cwd: this.folder });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8").on("data", (text) => (output[name] += text));
    }
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`skep ${args.join(" ")}: ${output.stderr.trim()}`);
    return output.stdout.trim();
  }

  async json(...args) {
    return JSON.parse(await this.skep(...args, "--json"));
  }

  share(path, ...wishes) {
    return this.json("share", this.path(path), ...wishes);
  }

  /** The address that signs a browser in, once. */
  signIn() {
    return this.skep("open", "--print");
  }

  async remove() {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
