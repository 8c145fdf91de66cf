// One story in a hive of its own, told by people in browsers; keeps the evidence when it fails.

import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Person, closeBrowser } from "./browser.js";
import { Hive } from "./hive.js";

const FAILURES = fileURLToPath(new URL("failures", import.meta.url));
const LONGEST_MS = 240_000;

class World {
  people = [];
  #endings = [];

  constructor(t, hive) {
    this.t = t;
    this.hive = hive;
    this.hives = [hive];
  }

  /** Says a figure in the test's report. */
  tell(words) {
    this.t.diagnostic(words);
  }

  async person(name, options) {
    const person = await Person.arrive(name, options);
    this.people.push(person);
    return person;
  }

  /** The owner, signed in, at the home page. */
  async owner(name = "Ada", options) {
    const owner = await this.person(name, options);
    await owner.opens(await this.hive.signIn());
    await owner.page.waitForURL(this.hive.url + "/");
    return owner;
  }

  /** A guest with a name, in the document of a link. */
  async guest(name, link, options) {
    const guest = await this.person(name, options);
    await guest.named();
    await guest.edits(link);
    return guest;
  }

  /** The path of a page, for a file that is shared. */
  async fileUrl(path) {
    const [share, ...rest] = path.split("/");
    const shares = await this.hive.json("ls");
    const at = shares.find((one) => one.name === share || path.endsWith(one.name));
    if (at.file) return `${this.hive.url}/app/file/${at.file}`;
    const files = await this.hive.json("ls", path);
    const found = [files].flat().find((one) => one.path === rest.join("/"));
    return `${this.hive.url}/app/file/${found.id}`;
  }

  async keepEvidence(name, cause) {
    const folder = join(FAILURES, name.replace(/[^\w]+/g, "-").slice(0, 60));
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    for (const [at, hive] of this.hives.entries()) {
      await copyFile(hive.log, join(folder, `hive-${at}.log`)).catch(() => undefined);
    }
    const faults = this.people.flatMap((one) => one.faults.map((fault) => `${one.name}: ${fault}`));
    await writeFile(join(folder, "why.txt"), [cause?.stack ?? cause, ...faults].join("\n\n"));
    for (const { name, page } of this.people) {
      await page.screenshot({ path: join(folder, `${name}.png`), timeout: 5000 }).catch(() => 0);
    }
    this.tell(`evidence in ${folder}`);
  }

  /** Something to do when the story is over, however it ends. */
  later(work) {
    this.#endings.push(work);
  }

  async end() {
    await Promise.allSettled(this.#endings.map(async (work) => work()));
    await Promise.allSettled(this.people.map((person) => person.leaves()));
    await this.hive.remove();
  }
}

/**
 * Tells a story. `files` lie beside the hive before it starts; unless `fresh`, the owner is called
 * Ada and has been through the first start. `idle` leaves the start to the story.
 */
export function story(
  name,
  { files = {}, fresh = false, idle = false, home, settings } = {},
  tell,
) {
  test(name, { timeout: LONGEST_MS }, async (t) => {
    const hive = await Hive.make({ home, settings });
    const world = new World(t, hive);
    try {
      await hive.put(files);
      if (!fresh && !idle) await hive.skep("init", "--name", "Ada");
      if (!idle) await hive.start();
      await tell(world);
      const faults = world.people.flatMap((person) => person.faults);
      if (faults.length) throw new Error(`faults in the pages:\n${faults.join("\n")}`);
    } catch (cause) {
      await world.keepEvidence(name, cause);
      throw cause;
    } finally {
      await world.end();
    }
  });
}

after(closeBrowser);
