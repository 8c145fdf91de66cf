// Two hives with a person each: made, befriended, brought apart, and compared on disk.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { Person } from "./browser.js";
import { Hive } from "./hive.js";
import { until } from "./until.js";

export const LIST = "# Packing\n\ntent\nstove\nlamp\n";
export const FILES = { "Trip/packing.md": LIST, "Trip/cover.dat": "cover" };

/** A second hive with its owner in a browser, gone when the story is over. */
export async function another(world, name, { settings, ...options } = {}) {
  const hive = await Hive.make({ settings });
  world.hives.push(hive);
  world.later(() => hive.remove());
  await hive.skep("init", "--name", name);
  await hive.start();
  const person = await Person.arrive(name, options);
  world.people.push(person);
  await person.opens(await hive.signIn());
  await person.page.waitForURL(hive.url + "/");
  return { hive, person };
}

/** What a file holds at a hive; null while it is not there. */
export const at = (hive, path) => readFile(hive.path(path), "utf8").catch(() => null);

export const equal = (one, two, path) =>
  until(`${path} is the same at both`, async () => {
    const [a, b] = [await at(one, path), await at(two, path)];
    return a !== null && a === b;
  });

export const holds = (hive, path, text) =>
  until(`${path} holds what it should`, async () => (await at(hive, path)) === text);

export const isGone = (hive, path) =>
  until(`${path} is gone`, async () => (await at(hive, path)) === null);

/** Friends without a share, by an invitation from the friends' page. */
export async function befriended(world, options) {
  const ada = await world.owner("Ada", options);
  const { hive: boHive, person: bo } = await another(world, "Bo", options);
  await ada.opens(`${world.hive.url}/app/friends`);
  await ada.button("Invite a friend").click();
  const invitation = ada.page.getByLabel("Invitation", { exact: true });
  await invitation.waitFor();
  const link = await invitation.inputValue();
  await ada.page.keyboard.press("Escape");
  await bo.opens(`${boHive.url}/app/friends`);
  await bo.page.getByLabel("I have a link or three words").fill(link);
  await bo.button("Add").click();
  await bo.button("Settings for Ada").waitFor();
  await ada.button("Settings for Bo").waitFor();
  return { ada, bo, boHive };
}

/** Takes up an offer that waits on the friends' page, in a place of its own. */
export async function accepts(person, hive, name, fill = async () => undefined) {
  await person.opens(`${hive.url}/app/friends`);
  await person.button(`Accept ${name}`).click();
  const dialog = person.page.getByRole("dialog");
  await dialog.getByLabel("Place").fill(hive.path(name));
  await fill(dialog);
  await dialog.getByRole("button", { name: "Accept", exact: true }).click();
  await person.page
    .getByRole("grid", { name: "Files" })
    .or(person.page.getByText("empty"))
    .first()
    .waitFor();
}

/** Ada shares her folder, Bo joins by the invitation and takes it up in a place of his own. */
export async function together(world, options) {
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
  await equal(world.hive, hive, "Trip/packing.md");
  return { ada, bo, boHive: hive };
}

/** The same, without pages: for stories that tell of something else. */
export async function joined(world, options) {
  const { link } = await world.hive.json(
    "friend",
    "invite",
    "--share",
    world.hive.path("Trip"),
    "--edit",
  );
  const ada = await world.owner("Ada", options);
  const { hive: boHive, person: bo } = await another(world, "Bo", options);
  await boHive.skep("join", link, boHive.path("Trip"));
  await equal(world.hive, boHive, "Trip/packing.md");
  return { ada, bo, boHive };
}

export async function opensShare(person, hive, name = "Trip") {
  await person.opens(hive.url);
  await person.page.getByRole("main").getByRole("link", { name }).first().click();
  await person.page
    .getByRole("heading", { level: 1, name })
    .or(person.page.getByRole("grid"))
    .first()
    .waitFor();
}

export async function chooses(person, item, name = "Trip") {
  await person.button(`More for ${name}`).click();
  await person.page.getByRole("menuitem", { name: item }).click();
}

/** Both write while they do not hear of each other; `files` is `{name: [here, there]}`. */
export async function apart(ada, hive, boHive, files) {
  await ada.opens(`${hive.url}/app/friends`);
  await ada.button("Settings for Bo").click();
  await ada.button("until I resume").click();
  await ada.page.getByText("Paused until you resume.").waitFor();
  for (const [name, [here, there]] of Object.entries(files)) {
    await writeFile(hive.path("Trip", name), here);
    await writeFile(boHive.path("Trip", name), there);
  }
  await until("both hives have read what was written", async () => {
    const lists = await Promise.all([hive.json("ls", "Trip"), boHive.json("ls", "Trip")]);
    return Object.entries(files).every(([name, texts]) =>
      lists.every((list, side) => {
        const size = list.find((one) => one.path === name)?.size;
        return size === Buffer.byteLength(texts[side]);
      }),
    );
  });
  await ada.button("Resume").click();
}
