// What goes wrong outside Skep: a folder that is moved, a file that may not be written, a full disk.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { story } from "./story.js";
import { until, untilEqual } from "./until.js";

const run = promisify(execFile);
const chip = async (person) => (await person.chip.innerText()).replace(/\s+/g, " ");

story(
  "a folder that is moved away stops its share, deletes nothing, and comes back",
  { files: { "Trip/plan.md": "the plan\n", "Trip/list.txt": "tent\n" } },
  async (world) => {
    await world.hive.share("Trip", "--view");
    const ada = await world.owner();
    await ada.page.getByRole("main").getByRole("link", { name: "Trip" }).first().click();
    await ada.button("plan.md").waitFor();
    const bo = await world.owner("Ada in the text");
    await bo.edits(await world.fileUrl("Trip/plan.md"));

    await rename(world.hive.path("Trip"), world.hive.path("Elsewhere"));
    await ada.seesInPage("Nothing counts as deleted");
    world.tell(
      `the share: ${(await ada.page.getByRole("alert").innerText()).replace(/\s+/g, " ")}`,
    );
    await until("the open text says so", async () => !/Live/.test(await chip(bo)));
    world.tell(`the text: ${await chip(bo)}`);
    assert.equal((await world.hive.json("ls"))[0].state, "missing");

    await rename(world.hive.path("Elsewhere"), world.hive.path("Trip"));
    await ada.page.getByText("Nothing counts as deleted").waitFor({ state: "hidden" });
    await ada.button("plan.md").waitFor();
    await ada.button("list.txt").waitFor();
    await bo.isSaved();
    await bo.toEnd();
    await bo.types("and back");
    const there = () => readFile(world.hive.path("Trip/plan.md"), "utf8");
    await untilEqual("it is followed again", there, "the plan\nand back");
  },
);

story(
  "an empty folder in the place of the shared one deletes nothing",
  { files: { "Trip/plan.md": "the plan\n" } },
  async (world) => {
    await world.hive.share("Trip", "--view");
    const ada = await world.owner();
    await ada.edits(await world.fileUrl("Trip/plan.md"));
    await rename(world.hive.path("Trip"), world.hive.path("Elsewhere"));
    await mkdir(world.hive.path("Trip"));
    await until(
      "the share stops",
      async () => (await world.hive.json("ls"))[0].state !== "in_step",
    );
    world.tell(`the text: ${await chip(ada)}`);
    assert.equal(await ada.shown(), "the plan\n");
    await rm(world.hive.path("Trip"), { recursive: true });
    await rename(world.hive.path("Elsewhere"), world.hive.path("Trip"));
    await ada.isSaved();
  },
);

const isRoot = process.getuid?.() === 0;

/** A disk of a few megabytes, or why there is none. */
async function smallDisk(bytes) {
  if (!isRoot) return { why: "a small disk can be mounted by root alone" };
  const place = await mkdtemp(join(tmpdir(), "skep-e2e-disk-"));
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", place]);
  } catch (cause) {
    await rm(place, { recursive: true });
    return { why: `mounting is not allowed here: ${cause.message.split("\n")[0]}` };
  }
  const end = async () => {
    await run("umount", ["-l", place]);
    await rm(place, { recursive: true });
  };
  return { place, end };
}

/** Writes until nothing more fits. */
async function fill(place) {
  let size = 1 << 20;
  for (let part = 0; size >= 1 << 9; part += 1) {
    await writeFile(join(place, `ballast-${part}`), Buffer.alloc(size, 1)).catch(async () => {
      await rm(join(place, `ballast-${part}`), { force: true });
      size >>= 1;
    });
  }
}

async function empty(place) {
  for (let part = 0; part < 400; part += 1) {
    await rm(join(place, `ballast-${part}`), { force: true });
  }
}

const disk = await smallDisk("24m");
if (disk.why) {
  test("a full disk (not tried here)", (t) => {
    t.diagnostic(disk.why);
    assert.match(disk.why, /root|mount/);
  });
} else {
  story(
    "a full disk is said at once, and saving goes on by itself when there is room",
    { home: join(disk.place, "hive"), files: { "Trip/plan.md": "the plan\n" } },
    async (world) => {
      world.later(disk.end);
      const { link } = await world.hive.share("Trip/plan.md", "--edit");
      const ada = await world.owner();
      await ada.edits(await world.fileUrl("Trip/plan.md"));
      const bo = await world.guest("Bo", link);
      await fill(disk.place);
      await ada.toEnd();
      // Some of it may still fit into pages that the database holds already.
      for (let part = 0; part < 40 && !/Not saved/.test(await chip(ada)); part += 1) {
        await ada.types(`${"words and ".repeat(9)}${part}\n`);
      }
      await ada.chipSays("Not saved: the disk is full");
      world.tell(`full: ${await chip(ada)}`);
      await ada.types("the last line");
      const text = await ada.shown();
      await empty(disk.place);
      await ada.isSaved();
      await untilEqual("the other has all of it", () => bo.shown(), text);
      const there = () => readFile(world.hive.path("Trip/plan.md"), "utf8");
      await untilEqual("the file, too", there, text);
    },
  );
}

if (isRoot) {
  test("a file that may not be written (not tried here)", (t) => {
    t.diagnostic("root may write every file");
    assert.ok(isRoot);
  });
} else {
  story(
    "a file that may not be written says so and is written when it may be",
    { files: { "Trip/plan.md": "the plan\n" } },
    async (world) => {
      await world.hive.share("Trip", "--view");
      const ada = await world.owner();
      await ada.edits(await world.fileUrl("Trip/plan.md"));
      await chmod(world.hive.path("Trip"), 0o555);
      await ada.toEnd();
      await ada.types("more");
      await until("the page says so", async () => !/Live/.test(await chip(ada)));
      await chmod(world.hive.path("Trip"), 0o755);
      await ada.isSaved();
      const there = () => readFile(world.hive.path("Trip/plan.md"), "utf8");
      await untilEqual("it is written", there, "the plan\nmore");
    },
  );
}
