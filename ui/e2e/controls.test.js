// What an owner sets for friends' hives: speed, networks, relays, folders, and a look at all files.

import assert from "node:assert/strict";
import { readdir, rm, writeFile } from "node:fs/promises";
import { chooses, FILES, holds, isGone, joined, opensShare } from "./hives.js";
import { story } from "./story.js";
import { until } from "./until.js";

const MORE = {
  ...FILES,
  "Trip/Notes/one.md": "one\n",
  "Trip/Pictures/two.dat": "two",
  "Trip/Pictures/deep/three.dat": "three",
};

story("limits of speed hold for all and for one friend", { files: FILES }, async (world) => {
  const { ada } = await joined(world);
  const { page } = ada;
  const limits = () => world.hive.json("limit");
  await ada.opens(`${world.hive.url}/app/settings`);
  await page.getByLabel("To all friends").selectOption("500 KB/s");
  await until("it holds", async () => (await limits()).up_kb === 500);
  await page.getByLabel("From all friends").selectOption("Another speed…");
  await page.getByLabel("From all friends").fill("333");
  await ada.button("Set").click();
  await until("that too", async () => (await limits()).down_kb === 333);
  assert.equal(await page.getByLabel("From all friends").inputValue(), "333");
  await page.getByLabel("Only on unmetered networks").check();
  await until("and that", async () => (await limits()).only_unmetered);

  await ada.opens(`${world.hive.url}/app/friends`);
  await ada.button("Settings for Bo").click();
  await page.getByRole("dialog").getByLabel("To Bo").selectOption("100 KB/s");
  await page.keyboard.press("Escape");
  await page.getByText("out at most 100 KB/s").waitFor();
  await ada.opens(`${world.hive.url}/app/settings`);
  const own = page.getByRole("list", { name: "Friends with a limit of their own" });
  await own.getByText("Bo: out at most 100 KB/s").waitFor();
});

story("a relay of one's own is named, and told of", { files: FILES }, async (world) => {
  const ada = await world.owner();
  const { page } = ada;
  await ada.opens(`${world.hive.url}/app/settings`);
  await page.getByText("Relays and addresses of your own").click();
  const relays = page.getByLabel("Your relays, one on a line");
  const save = relays.locator("xpath=ancestor::form").getByRole("button", { name: "Save" });
  await relays.fill("relay.example.org");
  await save.click();
  await page.getByText(/begins with https/).waitFor();
  await relays.fill("https://relay.example.org");
  await page.getByLabel("Further addresses, one on a line").fill("home.example.org:7539");
  await save.click();
  await page.getByText("Waits at https://relay.example.org.").waitFor();
  await page.getByRole("radio", { name: /^The internet/ }).check();
  await page.getByText(/^Your relay https:\/\/relay\.example\.org learns/).waitFor();
  await ada.button("Not now").click();
  await page.reload();
  await page.getByText("Relays and addresses of your own").click();
  assert.equal(await relays.inputValue(), "https://relay.example.org");
});

story("folders of a share are chosen anew", { files: MORE }, async (world) => {
  const { bo, boHive } = await joined(world);
  const { page } = bo;
  await holds(boHive, "Trip/Pictures/deep/three.dat", "three");
  await opensShare(bo, boHive);
  await chooses(bo, "Folders on this computer");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: "Only some folders" }).check();
  await dialog.getByRole("checkbox", { name: /^Pictures/ }).uncheck();
  await dialog.getByText("1 folder of 2, 4 bytes of 12 bytes.").waitFor();
  await dialog.getByRole("button", { name: "Choose these" }).click();
  await page.getByText("The folders of “Trip” are chosen anew.").waitFor();
  await writeFile(world.hive.path("Trip/Pictures/new.dat"), "new");
  await writeFile(world.hive.path("Trip/Notes/new.md"), "new\n");
  await holds(boHive, "Trip/Notes/new.md", "new\n");
  assert.equal(
    (await readdir(boHive.path("Trip/Pictures")).catch(() => [])).includes("new.dat"),
    false,
  );

  await chooses(bo, "Folders on this computer");
  await dialog.getByLabel("A folder that lies deeper").fill("Pictures/deep");
  await dialog.getByRole("button", { name: "Take it" }).click();
  await dialog.getByRole("list", { name: "Only these of Pictures" }).getByText("deep").waitFor();
  await dialog.getByRole("radio", { name: "Everything" }).check();
  await dialog.getByRole("button", { name: "Choose these" }).click();
  await holds(boHive, "Trip/Pictures/new.dat", "new");
});

story("the trash shows what went with a folder", { files: MORE }, async (world) => {
  const { ada, boHive } = await joined(world);
  const { page } = ada;
  await holds(boHive, "Trip/Pictures/two.dat", "two");
  await holds(boHive, "Trip/Pictures/deep/three.dat", "three");
  await rm(boHive.path("Trip/Pictures"), { recursive: true });
  await isGone(world.hive, "Trip/Pictures/two.dat");
  await opensShare(ada, world.hive);
  await chooses(ada, "Trash");
  await ada.button("Look inside Pictures").click();
  await ada.button("Restore Pictures/two.dat").click();
  await page.getByText("two.dat is back where it was.").waitFor();
  await holds(world.hive, "Trip/Pictures/two.dat", "two");
  await holds(boHive, "Trip/Pictures/two.dat", "two");
  assert.equal((await readdir(world.hive.path("Trip/Pictures"))).length, 1);
});

story("all files are looked through", { files: FILES }, async (world) => {
  await world.hive.share("Trip", "--view");
  const ada = await world.owner();
  await ada.opens(`${world.hive.url}/app/settings`);
  await ada.page.getByText("All files have not been looked through yet.").waitFor();
  await ada.button("Look through all files now").click();
  await ada.page.getByText("2 files, 32 bytes, all as saved.").waitFor();
});
