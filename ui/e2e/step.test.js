// In step, or why not: rules, large files on their way, and two versions of many files.

import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { apart, at, chooses, FILES, holds, joined, LIST, opensShare } from "./hives.js";
import { story } from "./story.js";
import { until } from "./until.js";

story(
  "rules show at once what they catch",
  { files: { ...FILES, "Trip/notes.tmp": "x" } },
  async (world) => {
    const { ada, boHive } = await joined(world);
    const { page } = ada;
    await opensShare(ada, world.hive);
    await chooses(ada, "What stays here");
    const rules = page.getByLabel("Rules, one on a line");
    await rules.fill("*.log\n/drafts/\n");
    await page
      .getByText("Nothing in this share fits a rule.")
      .or(page.getByText(/would stay/))
      .waitFor();
    await writeFile(world.hive.path("Trip/a.log"), "log\n");
    await holds(boHive, "Trip/a.log", "log\n");
    await rules.fill("*.log\n/drafts/\n# mine\n");
    await page.getByText("line 1").waitFor();
    await ada.button("Let them hold").click();
    await page.getByText("The rules hold now.").waitFor();
    await writeFile(world.hive.path("Trip/b.log"), "log\n");
    await writeFile(world.hive.path("Trip/after.md"), "after\n");
    await holds(boHive, "Trip/after.md", "after\n");
    assert.equal(await at(boHive, "Trip/b.log"), null, "what fits a rule stays here");
  },
);

story("a large file shows how far it is at both ends", { files: FILES }, async (world) => {
  const { ada, bo, boHive } = await joined(world);
  await opensShare(ada, world.hive);
  await ada.page.getByRole("button", { name: /^Members/ }).click();
  await opensShare(bo, boHive);
  const seen = (person) =>
    person.page.evaluate(() => {
      window.said = new Set();
      const look = () => window.said.add(document.querySelector("main").innerText);
      new MutationObserver(look).observe(document.body, {
        subtree: true,
        childList: true,
        characterData: true,
      });
    });
  await Promise.all([seen(ada), seen(bo)]);
  const bytes = randomFillSync(Buffer.alloc(200_000_000));
  await writeFile(world.hive.path("Trip/film.dat"), bytes);
  const size = async () =>
    (await boHive.json("ls", "Trip")).find((one) => one.path === "film.dat")?.size;
  await until("the film is at Bo's", async () => (await size()) === bytes.length, {
    within: 60_000,
  });
  const said = async (person) => (await person.page.evaluate(() => [...window.said])).join("\n");
  const out = await said(ada);
  const coming = await said(bo);
  world.tell((out.match(/.*to go.*/g) ?? []).slice(0, 5).join(" | "));
  world.tell((coming.match(/.*(Coming in|to go).*/g) ?? []).slice(0, 5).join(" | "));
  assert.match(out, /\d+ MB to go, \d+(\.\d)? MB\/s/, "what goes out tells bytes and speed");
  assert.match(coming, /Coming in, 1 file, \d+ MB to go/, "what comes in tells bytes");
  await until("both ends say that they are in step", async () => {
    const rows = await ada.page
      .getByRole("list", { name: "Members of Trip" })
      .getByRole("listitem")
      .allTextContents();
    return rows.filter((row) => row.includes("In step")).length === 2;
  });
});

story(
  "two versions of many files are chosen in bulk and undone",
  { files: FILES },
  async (world) => {
    const { ada, boHive } = await joined(world);
    const files = Object.fromEntries(
      Array.from({ length: 6 }, (_, n) => [`side ${n}.md`, [`Ada ${n}\n`, `Bo ${n} longer\n`]]),
    );
    await apart(ada, world.hive, boHive, files);
    const { page } = ada;
    await ada.opens(`${world.hive.url}/app/two-versions`);
    await page.getByText("6 files were changed in two places at once.").waitFor();
    await page.getByRole("checkbox", { name: "Choose all in Trip" }).check();
    await page.getByRole("button", { name: /^Keep those of Bo/ }).click();
    await page.getByText("6 files are settled.").waitFor();
    for (const [name, [, there]] of Object.entries(files)) {
      await holds(world.hive, `Trip/${name}`, there);
      await holds(boHive, `Trip/${name}`, there);
    }
    await page.getByText("Nothing to choose.").waitFor();
    await ada.button("Undo").click();
    await page.getByText(/stands again|wait here again/).waitFor();
    assert.equal(await at(world.hive, "Trip/packing.md"), LIST);
  },
);
