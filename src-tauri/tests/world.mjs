// A little desktop for one test: virtual display, window manager, message bus, folders of its own.
import { spawn, execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import dbus from "dbus-next";
import { Watcher } from "./tray.mjs";

const run = promisify(execFile);
const APP = process.env.SKEP_DESKTOP;
const SKEP = process.env.SKEP_BIN;
if (!APP || !SKEP) throw new Error("Start these tests with: ./dev test desktop");
export const WAIT_MS_MAX = 60_000;

/** Waits until `look` gives something true, and returns it. */
export async function until(what, look, limit = WAIT_MS_MAX) {
  const end = Date.now() + limit;
  let last;
  for (;;) {
    try {
      const seen = await look();
      if (seen) return seen;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      throw new Error(`Not seen in ${limit / 1000} s: ${what}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class World {
  #children = [];
  #busses = [];

  static async make({ tray = true } = {}) {
    const world = new World();
    world.folder = await mkdtemp(join(tmpdir(), "skep-desktop-"));
    world.port = await freePort();
    world.address = `http://127.0.0.1:${world.port}`;
    const at = (name) => join(world.folder, name);
    for (const name of ["home", "hive", "Trip", "bin"]) await mkdir(at(name));
    await mkdir(at("run"), { mode: 0o700 });
    world.env = {
      PATH: `${at("bin")}:${process.env.PATH}`,
      LANG: "C.UTF-8",
      HOME: at("home"),
      XDG_RUNTIME_DIR: at("run"),
      SKEP_HOME: at("hive"),
      SKEP_LISTEN_PORT: String(world.port),
      SKEP_SECRETS_KEEPER: "file",
      SKEP_LOG: "info",
    };
    // Stands in for browser and file manager: writes down what it was asked to open.
    const opener = `#!/bin/sh\necho "$1" >> "${at("opened")}"\n`;
    await writeFile(join(at("bin"), "xdg-open"), opener, { mode: 0o755 });
    await writeFile(at("opened"), "");
    await world.#startDisplay();
    await world.#startBus();
    if (tray) await world.addTray();
    return world;
  }

  async #startDisplay() {
    const server = this.spawn("Xvfb", [
      "-displayfd",
      "1",
      "-screen",
      "0",
      "1280x800x24",
      "-nolisten",
      "tcp",
    ]);
    // Beside its number it may say what else it has to say.
    const number = await until("a display", () => /^(\d+)\n/m.exec(server.said)?.[1]);
    this.env.DISPLAY = `:${number}`;
    this.spawn("openbox", ["--sm-disable"]);
    await until("a window manager", async () => run("wmctrl", ["-m"], { env: this.env }));
  }

  async #startBus() {
    this.env.DBUS_SESSION_BUS_ADDRESS = `unix:path=${join(this.folder, "run", "bus")}`;
    const bus = this.spawn("dbus-daemon", [
      "--session",
      "--nofork",
      "--print-address",
      `--address=${this.env.DBUS_SESSION_BUS_ADDRESS}`,
    ]);
    await until("a message bus", () => bus.said.includes("unix:"));
  }

  async addTray() {
    this.tray = await Watcher.start(this.bus());
  }

  bus() {
    const bus = dbus.sessionBus({ busAddress: this.env.DBUS_SESSION_BUS_ADDRESS });
    this.#busses.push(bus);
    return bus;
  }

  spawn(program, args = [], more = {}) {
    const child = spawn(program, args, { env: { ...this.env, ...more }, cwd: this.folder });
    child.said = "";
    child.stdout.on("data", (data) => (child.said += data));
    child.stderr.on("data", (data) => (child.said += data));
    child.on("error", (error) => (child.said += error));
    child.ended = new Promise((resolve) =>
      child.on("exit", (code, signal) => resolve(code ?? signal)),
    );
    this.#children.push(child);
    return child;
  }

  app(...args) {
    return this.spawn(APP, args);
  }

  async skep(...args) {
    const { stdout } = await run(SKEP, args, { env: this.env, cwd: this.folder });
    return stdout;
  }

  /** Titles of the windows that the person sees. */
  async windows() {
    const { stdout } = await run("wmctrl", ["-l"], { env: this.env });
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split(/\s+/).slice(3).join(" "));
  }

  window(title) {
    return until(`the window “${title}”`, async () => (await this.windows()).includes(title));
  }

  noWindow(title) {
    return until(`no window “${title}”`, async () => !(await this.windows()).includes(title));
  }

  async closeWindow(title) {
    await run("wmctrl", ["-F", "-c", title], { env: this.env });
  }

  async answers() {
    try {
      return (await (await fetch(`${this.address}/healthz`)).text()).trim() === "ok";
    } catch {
      return false;
    }
  }

  hive() {
    return until("the hive answers", () => this.answers());
  }

  read(name) {
    return readFile(join(this.folder, name), "utf8");
  }

  async end() {
    for (const bus of this.#busses) bus.disconnect();
    for (const child of this.#children.reverse()) {
      if (child.exitCode === null && child.pid) child.kill("SIGKILL");
      await child.ended;
    }
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** What the programs said, for a failed test. */
  get said() {
    return this.#children.map((child) => `${child.spawnargs[0]}: ${child.said}`).join("\n");
  }
}
