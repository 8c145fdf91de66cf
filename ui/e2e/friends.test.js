// Two hives: friendship, a folder at both ends, versions, the trash, and two versions of a file.

import assert from "node:assert/strict";
import { appendFile, readFile, rm, writeFile } from "node:fs/promises";
import { Person } from "./browser.js";
import { Hive } from "./hive.js";
import { inspect, OPEN, told } from "./inspect.js";
import { story } from "./story.js";
import { until } from "./until.js";

const LIST = "# Packing\n\ntent\nstove\nlamp\n";
const FILES = { "Trip/packing.md": LIST, "Trip/cover.dat": "cover" };

/** A second hive with its owner in a browser, gone when the story is over. */
async function another(world, name, options) {
  const hive = await Hive.make();
  world.later(() => hive.remove());
  await hive.skep("init", "--name", name);
  await hive.start();
  const person = await Person.arrive(name, options);
  world.people.push(person);
  await person.opens(await hive.signIn());
  await person.page.waitForURL(hive.url + "/");
  return { hive, person };
}

const at = (hive, name) => readFile(hive.path("Trip", name), "utf8").catch(() => null);

const equal = (one, two, name) =>
  until(`${name} is the same at both`, async () => {
    const [a, b] = [await at(one, name), await at(two, name)];
    return a !== null && a === b;
  });

/** Ada shares her folder, Bo joins by the invitation and takes it up in a place of his own. */
async function together(world, options) {
  await world.hive.share("Trip", "--view");
  const ada = await world.owner("Ada", options);
  const { hive, person: bo } = await another(world, "Bo", options);
  await ada.page.getByRole("button", { name: "Share Trip" }).click();
  await ada.button("Invite a friend to it").click();
  const invitation = ada.page.getByLabel("Invitation", { exact: true });
  await invitation.waitFor();
  const link = await invitation.inputValue();
  assert.match(link, /^skep:\/\/join\/[a-z0-9]+$/);
  assert.ok(link.length < 200, `the invitation has ${link.length} characters`);

  await bo.opens(`${hive.url}/app/join#${link.replace("skep://join/", "")}`);
  await bo.button("Join").click();
  await bo.page.getByRole("heading", { name: "Ada is your friend now" }).waitFor();
  await bo.button("Accept Trip").click();
  await bo.page.getByLabel("Place").fill(hive.path("Trip"));
  await bo.page.getByRole("dialog").getByRole("button", { name: "Accept", exact: true }).click();
  await bo.button("packing.md").waitFor();
  await equal(world.hive, hive, "packing.md");
  return { ada, bo, boHive: hive };
}

async function opensShare(person, hive) {
  await person.opens(hive.url);
  await person.page.getByRole("main").getByRole("link", { name: "Trip" }).first().click();
  await person.button("packing.md").waitFor();
}

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
    (await at(boHive, "packing.md"))?.includes("rope"),
  );
  await bo.button("packing.md").click();
  await bo.button("History").click();
  const today = bo.page.getByRole("list", { name: "Versions of Today" });
  await today.getByRole("button", { name: /changed it/ }).waitFor();
  await today.getByRole("button", { name: /added it/ }).click();
  await bo.button("Restore").click();
  await until("both are as before", async () => {
    const texts = [await at(boHive, "packing.md"), await at(world.hive, "packing.md")];
    return texts.every((text) => text === LIST);
  });

  await rm(world.hive.path("Trip", "cover.dat"));
  await until("it is gone at Bo's", async () => (await at(boHive, "cover.dat")) === null);
  await opensShare(bo, boHive);
  await bo.button("More for Trip").click();
  await bo.page.getByRole("menuitem", { name: "Trash" }).click();
  await bo.button("Restore cover.dat").click();
  await until("it is back at Ada's", async () => (await at(world.hive, "cover.dat")) === "cover");
});

/** Both change the same places while they do not hear of each other. */
async function apart(ada, hive, boHive) {
  await ada.opens(`${hive.url}/app/friends`);
  await ada.button("Settings for Bo").click();
  await ada.button("until I resume").click();
  await ada.page.getByText("Paused until you resume.").waitFor();
  await writeFile(hive.path("Trip", "packing.md"), LIST.replace("stove", "gas stove"));
  await writeFile(boHive.path("Trip", "packing.md"), LIST.replace("stove", "wood stove"));
  await writeFile(hive.path("Trip", "cover.dat"), "ada\0");
  await writeFile(boHive.path("Trip", "cover.dat"), "bo\0\0");
  await until("both hives have read what was written", async () => {
    const lists = await Promise.all([hive.json("ls", "Trip"), boHive.json("ls", "Trip")]);
    const sizes = lists.map((list) => list.find((one) => one.path === "packing.md")?.size);
    return sizes.join() === `${LIST.length + 4},${LIST.length + 5}`;
  });
  await ada.button("Resume").click();
}

story("two versions are merged, chosen and undone", { files: FILES }, async (world) => {
  const { ada, boHive } = await together(world);
  await apart(ada, world.hive, boHive);
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
    const texts = [await at(world.hive, "packing.md"), await at(boHive, "packing.md")];
    return texts.every((text) => /gas stove/.test(text) && /wood stove/.test(text));
  });

  const right = page.getByRole("button", { name: /^Keep right/ });
  const whose = (await right.getAttribute("aria-label")).includes("Ada") ? "ada\0" : "bo\0\0";
  await right.click();
  await page.getByText("cover.dat is settled.").waitFor();
  await until("the chosen one is at both", async () => {
    const contents = [await at(world.hive, "cover.dat"), await at(boHive, "cover.dat")];
    return contents.every((content) => content === whose);
  });
  await page.getByText("Nothing to choose.").waitFor();
});

story("the pages of friends", { files: FILES }, async (world) => {
  const faults = [];
  const { ada, boHive } = await together(world, OPEN);
  const { page } = ada;
  const look = (name) => inspect(ada, name, faults);
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
  await ada.opens(`${world.hive.url}/app/rules/${share}`);
  await page.getByLabel("Rules, one on a line").fill("*.dat\n");
  await page.getByText("line 1").waitFor();
  await look("rules");
  await ada.opens(await world.fileUrl("Trip/packing.md"));
  await ada.button("History").click();
  await page.getByRole("button", { name: /added it/ }).click();
  await ada.button("Restore as a copy").waitFor();
  await look("a version");
  await page.keyboard.press("Escape");
  await apart(ada, world.hive, boHive);
  await ada.opens(`${world.hive.url}/app/two-versions`);
  await page.getByRole("button", { name: /packing\.md/ }).click();
  await page.getByRole("heading", { level: 2, name: "packing.md" }).waitFor();
  await look("two versions");
  await ada.button("Merge…").click();
  await page.getByRole("radio", { name: "Both" }).waitFor();
  await look("a merge");
  told(faults);
});
