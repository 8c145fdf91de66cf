// Nothing is lost between friends: versions, the trash, put back to a time, removals held back.

import assert from "node:assert/strict";
import { appendFile, readdir, rm, writeFile } from "node:fs/promises";
import { at, chooses, FILES, holds, isGone, joined, LIST, opensShare } from "./hives.js";
import { story } from "./story.js";
import { until } from "./until.js";

/** Waits until the clock shows another second, so that a moment lies between two changes. */
const tick = () => {
  const from = Math.floor(Date.now() / 1000);
  return until("another second", () => Math.floor(Date.now() / 1000) > from + 1);
};

story(
  "a version is named, pinned, compared, and restored as a copy",
  { files: FILES },
  async (world) => {
    const { ada, bo, boHive } = await joined(world);
    await appendFile(boHive.path("Trip/packing.md"), "rope from Bo\n");
    await until("Bo's rope is at Ada's", async () =>
      (await at(world.hive, "Trip/packing.md"))?.includes("rope"),
    );
    const { page } = ada;
    await ada.opens(await world.fileUrl("Trip/packing.md"));
    await ada.button("History").click();
    await page.getByRole("button", { name: /Bo.* changed it/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("rope from Bo").first().waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /added it/ }).click();
    await dialog.getByLabel("Name of this version").fill("Before the rope");
    await dialog.getByRole("button", { name: "Name it" }).click();
    await dialog.getByRole("heading", { name: "Before the rope" }).waitFor();
    await dialog.getByRole("button", { name: "Pin" }).click();
    await dialog.getByRole("button", { name: "Pinned" }).waitFor();
    await dialog.getByRole("button", { name: "Restore as a copy" }).click();
    const said = page.getByText(/The version is beside it as .+\.md/);
    await said.waitFor();
    const copy = /as (.+\.md)/.exec(await said.innerText())[1];
    await holds(world.hive, `Trip/${copy}`, LIST);
    await holds(boHive, `Trip/${copy}`, LIST);
    await page.getByRole("button", { name: /Before the rope.*pinned/s }).waitFor();
    assert.match(await at(world.hive, "Trip/packing.md"), /rope/, "the file itself stays");
    assert.equal(bo.faults.length, 0);
  },
);

story(
  "a folder is put back to a time and forth, the trash tells days",
  { files: FILES },
  async (world) => {
    const { ada, boHive } = await joined(world);
    const { page } = ada;
    await tick();
    const then = new Date();
    await tick();
    await rm(boHive.path("Trip/cover.dat"));
    await writeFile(boHive.path("Trip/packing.md"), "nothing\n");
    await writeFile(boHive.path("Trip/newer.md"), "newer\n");
    await isGone(world.hive, "Trip/cover.dat");
    await holds(world.hive, "Trip/packing.md", "nothing\n");
    await holds(world.hive, "Trip/newer.md", "newer\n");

    await opensShare(ada, world.hive);
    await chooses(ada, "Trash");
    const trash = page.getByRole("list", { name: "Removed files" });
    await trash.getByText(/by Bo/).waitFor();
    await trash.getByText("30 days left").waitFor();
    await page.goBack();

    await chooses(ada, "Put the folder back to…");
    const local = new Date(then.getTime() - then.getTimezoneOffset() * 60_000)
      .toISOString()
      .slice(0, 19);
    await page.getByLabel("To how it was at").fill(local);
    await ada.button("Put it back").click();
    await page.getByText("2 files brought back, 1 newer file moved to the trash.").waitFor();
    for (const hive of [world.hive, boHive]) {
      await holds(hive, "Trip/packing.md", LIST);
      await holds(hive, "Trip/cover.dat", "cover");
      await isGone(hive, "Trip/newer.md");
    }
    await ada.button("Undo").click();
    await page.getByText("“Trip” is as before.").waitFor();
    for (const hive of [world.hive, boHive]) {
      await holds(hive, "Trip/packing.md", "nothing\n");
      await holds(hive, "Trip/newer.md", "newer\n");
      await isGone(hive, "Trip/cover.dat");
    }
  },
);

const MANY = Object.fromEntries(
  Array.from({ length: 40 }, (_, n) => [`Trip/many/${n}.txt`, `${n}\n`]),
);

story("many removals at once wait for a word", { files: { ...FILES, ...MANY } }, async (world) => {
  const { ada, bo, boHive } = await joined(world);
  const { page } = ada;
  const there = (hive, folder = "Trip/many") =>
    readdir(hive.path(folder)).then(
      (all) => all.filter((one) => !one.startsWith(".")).length,
      () => 0,
    );
  const isCalm = async (hive) => (await hive.json("status")).share_list[0].in_sync;
  await until("all are at Bo's", async () => (await there(boHive)) === 40);
  await opensShare(ada, world.hive);
  await rm(world.hive.path("Trip/many"), { recursive: true, maxRetries: 10 });
  const held = page.getByRole("region", { name: "Removals that wait for your word" });
  await held.getByText("41 files and folders went away here at once.").waitFor();
  assert.equal(await there(boHive), 40, "nothing was told");
  await held.getByRole("button", { name: "Bring them back" }).click();
  await page.getByText("They are brought back.").waitFor();
  await until("all are back", async () => (await there(world.hive)) === 40);
  await held.waitFor({ state: "detached" });
  await until("that is all", () => isCalm(world.hive));

  await rm(world.hive.path("Trip/many"), { recursive: true, maxRetries: 10 });
  await held.getByText("41 files and folders went away here at once.").waitFor();
  await held.getByRole("button", { name: "Remove 41 files and folders everywhere" }).click();
  await held.getByRole("button", { name: /^Yes, remove/ }).click();
  await page.getByText("The removals pass now.").waitFor();
  await page.getByText("2 items").waitFor();

  // Ada's word is not Bo's: so much goes from his disk only when he says so too.
  await opensShare(bo, boHive);
  const asked = bo.page.getByRole("region", { name: "Removals that wait for your word" });
  await asked.getByText(/because a friend removed them/).waitFor();
  assert.equal(await there(boHive), 40, "nothing is removed unasked");
  await asked.getByRole("button", { name: /^Remove 4[01] files and folders here$/ }).click();
  await asked.getByRole("button", { name: /^Yes, remove/ }).click();
  await until("all are gone at Bo's", async () => (await there(boHive)) === 0);
  await asked.waitFor({ state: "detached" });
  await bo.page.getByText("2 items").waitFor();
  assert.equal(await there(boHive, "Trip"), 2);
});
