// The pages of friends' hives: no accessibility fault, in light and dark, narrow and wide.

import { rm, symlink } from "node:fs/promises";
import {
  apart,
  befriended,
  chooses,
  equal,
  FILES,
  isGone,
  LIST,
  opensShare,
  together,
} from "./hives.js";
import { inspect, OPEN, told } from "./inspect.js";
import { story } from "./story.js";

const MORE = {
  ...FILES,
  "Trip/Sketches/one.md": "one\n",
  "Trip/Sketches/two.md": "two\n",
  "Trip/diary.md": "Monday\n",
  "Trip/Pictures/of the shore.dat": "picture",
};

/** One place of a text, and a whole file, changed at both ends. */
const STOVES = {
  "packing.md": [LIST.replace("stove", "gas stove"), LIST.replace("stove", "wood stove")],
  "cover.dat": ["ada\0", "bo\0\0"],
};

story("the pages of friends", { files: MORE }, async (world) => {
  const faults = [];
  await world.hive.share("Trip", "--view");
  const { ada, bo, boHive } = await befriended(world, OPEN);
  const { page } = ada;
  const look = (name, person = ada) => inspect(person, name, faults);
  await ada.opens(world.hive.url);
  await page.getByRole("button", { name: "Share Trip" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Bo" }).waitFor();
  await look("share sheet with friends");
  await page.getByRole("dialog").getByRole("button", { name: "Bo" }).click();
  await page.getByText("“Trip” goes to Bo.").waitFor();
  await page.keyboard.press("Escape");
  await bo.button("Accept Trip").waitFor();
  await look("offers", bo);
  await bo.button("Accept Trip").click();
  const dialog = bo.page.getByRole("dialog");
  await dialog.getByRole("radio", { name: "Only some folders" }).check();
  await look("accept an offer", bo);
  await dialog.getByRole("radio", { name: "Everything" }).check();
  await dialog.getByLabel("Place").fill(boHive.path("Trip"));
  await dialog.getByRole("button", { name: "Accept", exact: true }).click();
  await equal(world.hive, boHive, "Trip/packing.md");

  await ada.opens(`${world.hive.url}/app/friends`);
  await ada.button("Settings for Bo").waitFor();
  await look("friends");
  await ada.button("Settings for Bo").click();
  await look("settings of a friend");
  await page.keyboard.press("Escape");
  await ada.button("Invite a friend").click();
  await page.getByLabel("Invitation", { exact: true }).waitFor();
  await look("an invitation");
  await page.keyboard.press("Escape");
  await opensShare(ada, world.hive);
  await page.getByRole("button", { name: /^Members/ }).click();
  await page.getByRole("list", { name: "Members of Trip" }).waitFor();
  await look("members");
  const share = page.url().split("/").at(-1);
  await ada.opens(`${world.hive.url}/app/trash/${share}`);
  await page.getByText("Nothing is here.").waitFor();
  await look("empty trash");
  await ada.opens(`${world.hive.url}/app/rules/${share}`);
  await page.getByLabel("Rules, one on a line").fill("*.dat\n");
  await page.getByText("line 1").first().waitFor();
  await look("rules");
  told(faults);
});

story("the pages of what is kept", { files: MORE }, async (world) => {
  const faults = [];
  const { ada, boHive } = await together(world, OPEN);
  const { page } = ada;
  const look = (name) => inspect(ada, name, faults);
  // Not the one that is changed apart: what was open on both merges as edits.
  await ada.opens(await world.fileUrl("Trip/diary.md"));
  await ada.button("History").click();
  await page.getByRole("button", { name: /added it/ }).click();
  await ada.button("Restore as a copy").waitFor();
  await look("a version");
  await page.keyboard.press("Escape");
  await look("history of a file");
  await ada.opens(`${world.hive.url}/app/two-versions`);
  await page.getByText("Nothing to choose.").waitFor();
  await look("no two versions");
  await apart(ada, world.hive, boHive, STOVES);
  await ada.opens(`${world.hive.url}/app/two-versions`);
  await page.getByRole("button", { name: /packing\.md/ }).click();
  await page.getByRole("heading", { level: 2, name: "packing.md" }).waitFor();
  await look("two versions");
  await ada.button("Merge…").click();
  await page.getByRole("radio", { name: "Both" }).waitFor();
  await look("a merge");
  await symlink("/etc/hosts", world.hive.path("Trip/leads out"));
  await opensShare(ada, world.hive);
  await page.getByRole("button", { name: /not in step\. Why/ }).click();
  await page.getByRole("list", { name: "Files not in step" }).waitFor();
  await look("why");

  await rm(boHive.path("Trip/Sketches"), { recursive: true });
  await isGone(world.hive, "Trip/Sketches/one.md");
  await chooses(ada, "Trash");
  await ada.button("Look inside Sketches").click();
  await ada.button("Restore Sketches/one.md").waitFor();
  await look("trash");
  await page.goBack();
  await chooses(ada, "Put the folder back to…");
  await page.getByText(/The history .* begins after that/).waitFor();
  await look("too long ago");
  const local = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000);
  await page.getByLabel("To how it was at").fill(local.toISOString().slice(0, 19));
  await page.getByText(/^\d+ files? then/).click();
  await look("put back");
  await page.keyboard.press("Escape");
  await chooses(ada, "Folders on this computer");
  await page.getByRole("radio", { name: "Only some folders" }).check();
  await look("chosen folders");
  told(faults);
});

story("what stands in the settings", { files: FILES }, async (world) => {
  const faults = [];
  await world.hive.share("Trip", "--view");
  const ada = await world.owner("Ada", OPEN);
  const { page } = ada;
  const look = (name) => inspect(ada, name, faults);
  await ada.opens(`${world.hive.url}/app/friends`);
  await page.getByText("Nobody yet.").waitFor();
  await look("nobody yet");
  await page.getByLabel("I have a link or three words").fill("no such thing");
  await ada.button("Add").click();
  await page.getByRole("alert").waitFor();
  await look("a wrong invitation");

  await ada.opens(`${world.hive.url}/app/settings`);
  await page.getByLabel("To all friends").selectOption("500 KB/s");
  await page.getByText("Saved.").first().waitFor();
  await page.getByText("Relays and addresses of your own").click();
  await page.getByLabel("Your relays, one on a line").fill("relay.example.org");
  await page.getByRole("button", { name: "Save" }).last().click();
  await page.getByText(/begins with https/).waitFor();
  await ada.button("Look through all files now").click();
  await page.getByText(/all as saved/).waitFor();
  await look("settings of a hive");
  await ada.opens(`${world.hive.url}/app/share/aaaaaaaaaaaaaaaaaaaaaaaaaa`);
  await page.getByText("This share does not exist any more.").waitFor();
  await look("no such share");
  told(faults);
});
