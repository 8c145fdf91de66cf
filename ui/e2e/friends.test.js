// Two hives: friendship, a folder at both ends, versions, the trash, and two versions of a file.

import { appendFile, rm } from "node:fs/promises";
import { apart, at, FILES, LIST, opensShare, together } from "./hives.js";
import { story } from "./story.js";
import { until } from "./until.js";

/** One place of a text, and a whole file, changed at both ends. */
const STOVES = {
  "packing.md": [LIST.replace("stove", "gas stove"), LIST.replace("stove", "wood stove")],
  "cover.dat": ["ada\0", "bo\0\0"],
};

story("friends have a folder together", { files: FILES }, async (world) => {
  const { ada, bo, boHive } = await together(world);
  await opensShare(ada, world.hive);
  await ada.page.getByRole("button", { name: /^Members/ }).click();
  const members = ada.page.getByRole("list", { name: "Members of Trip" });
  await members.getByText("Bo", { exact: true }).waitFor();
  await until("Bo is in step", async () => {
    const rows = await members.getByRole("listitem").allTextContents();
    return rows.filter((row) => row.includes("In step")).length === 2;
  });

  await appendFile(world.hive.path("Trip", "packing.md"), "rope\n");
  await until("the rope is at Bo's", async () =>
    (await at(boHive, "Trip/packing.md"))?.includes("rope"),
  );
  await bo.button("packing.md").click();
  await bo.button("History").click();
  const today = bo.page.getByRole("list", { name: "Versions of Today" });
  await today.getByRole("button", { name: /changed it/ }).waitFor();
  await today.getByRole("button", { name: /added it/ }).click();
  await bo.button("Restore").click();
  await until("both are as before", async () => {
    const texts = [await at(boHive, "Trip/packing.md"), await at(world.hive, "Trip/packing.md")];
    return texts.every((text) => text === LIST);
  });

  await rm(world.hive.path("Trip", "cover.dat"));
  await until("it is gone at Bo's", async () => (await at(boHive, "Trip/cover.dat")) === null);
  await opensShare(bo, boHive);
  await bo.button("More for Trip").click();
  await bo.page.getByRole("menuitem", { name: "Trash" }).click();
  await bo.button("Restore cover.dat").click();
  await until(
    "it is back at Ada's",
    async () => (await at(world.hive, "Trip/cover.dat")) === "cover",
  );
});

story("two versions are merged, chosen and undone", { files: FILES }, async (world) => {
  const { ada, boHive } = await together(world);
  await apart(ada, world.hive, boHive, STOVES);
  await ada.opens(`${world.hive.url}/app/two-versions`);
  const { page } = ada;
  await page.getByRole("button", { name: /packing\.md/ }).click();
  await ada.button("Merge…").click();
  await page.getByRole("radio", { name: "Both" }).check();
  await ada.button("Look at the result").click();
  await page.getByRole("textbox", { name: "Merged text" }).waitFor();
  await ada.button("Keep this text").click();
  await page.getByText("packing.md is settled.").waitFor();
  await until("both stoves are at both", async () => {
    const texts = [await at(world.hive, "Trip/packing.md"), await at(boHive, "Trip/packing.md")];
    return texts.every((text) => /gas stove/.test(text) && /wood stove/.test(text));
  });

  const right = page.getByRole("button", { name: /^Keep right/ });
  const whose = (await right.getAttribute("aria-label")).includes("Ada") ? "ada\0" : "bo\0\0";
  await right.click();
  await page.getByText("cover.dat is settled.").waitFor();
  await until("the chosen one is at both", async () => {
    const contents = [await at(world.hive, "Trip/cover.dat"), await at(boHive, "Trip/cover.dat")];
    return contents.every((content) => content === whose);
  });
  await page.getByText("Nothing to choose.").waitFor();
});
