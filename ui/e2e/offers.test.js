// What friends hold out to each other, and how it ends: groups, parts, words, quiet and good-bye.

import assert from "node:assert/strict";
import { appendFile, stat, writeFile } from "node:fs/promises";
import {
  accepts,
  another,
  at,
  befriended,
  equal,
  FILES,
  holds,
  joined,
  opensShare,
} from "./hives.js";
import { story } from "./story.js";
import { until } from "./until.js";

const MORE = {
  ...FILES,
  "Trip/Notes/one.md": "one\n",
  "Trip/Pictures/two.dat": "two",
  "Album/cover.dat": "cover",
};

const isThere = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** The share sheet of a share, open. */
async function sheet(person, hive, name) {
  await person.opens(hive.url);
  await person.page.getByRole("button", { name: `Share ${name}` }).click();
  const open = person.page.getByRole("dialog", { name: `Share “${name}”` });
  await open.waitFor();
  return open;
}

story(
  "a group is shared with, declined, taken in part, and left",
  { files: MORE },
  async (world) => {
    await world.hive.share("Trip", "--view");
    await world.hive.share("Album", "--view");
    const { ada, bo, boHive } = await befriended(world);
    const { page } = ada;

    await ada.button("Make a group").click();
    await page.getByLabel("Name", { exact: true }).fill("Family");
    await ada.button("Make").click();
    await page.getByRole("group", { name: "In it" }).getByText("Bo").click();
    await page.keyboard.press("Escape");
    await page.getByRole("list", { name: "Groups" }).getByText("1 friend").waitFor();

    await (await sheet(ada, world.hive, "Trip")).getByRole("button", { name: "Family" }).click();
    await page.getByText("“Trip” goes to Family.").waitFor();
    const offers = bo.page.getByRole("list", { name: "Offers" });
    await offers.getByText("4 files").waitFor();
    await bo.button("Decline Trip").click();
    await bo.button("Decline it").click();
    await bo.page.getByText("“Trip” is declined. Ada can offer it again.").waitFor();
    await offers.waitFor({ state: "detached" });

    const open = await sheet(ada, world.hive, "Trip");
    await open.getByRole("button", { name: "Family" }).click();
    await page.getByText("Not shared with Family any more.").waitFor();
    await open.getByRole("button", { name: "Family" }).click();
    await accepts(bo, boHive, "Trip", async (dialog) => {
      await dialog.getByRole("radio", { name: "Only some folders" }).check();
      await dialog.getByRole("checkbox", { name: /^Pictures/ }).uncheck();
      await dialog.getByText("1 folder of 2, 4 bytes of 7 bytes.").waitFor();
    });
    await equal(world.hive, boHive, "Trip/Notes/one.md");
    await appendFile(boHive.path("Trip/Notes/one.md"), "from Bo\n");
    await holds(world.hive, "Trip/Notes/one.md", "one\nfrom Bo\n");
    assert.equal(
      await isThere(boHive.path("Trip/Pictures")),
      false,
      "what was not chosen stays away",
    );

    await bo.opens(`${boHive.url}/app/friends`);
    await bo.button("Settings for Ada").click();
    await bo.page.getByText("Accept what Ada shares without asking").click();
    await bo.page.keyboard.press("Escape");
    await (await sheet(ada, world.hive, "Album")).getByRole("button", { name: /^Bo/ }).click();
    await equal(
      { path: () => world.hive.path("Album/cover.dat") },
      { path: () => boHive.path("Skep/Album/cover.dat") },
      "Album",
    );

    await ada.opens(`${world.hive.url}/app/friends`);
    await ada.button("Change Family").click();
    await page.getByRole("group", { name: "In it" }).getByText("Bo").click();
    await opensShare(bo, boHive);
    await bo.page.getByText("Ada does not share “Trip” with you any more.").waitFor();
    assert.equal(await at(boHive, "Trip/Notes/one.md"), "one\nfrom Bo\n", "the copy stays");
  },
);

story("a share is left, with and without the copy", { files: MORE }, async (world) => {
  const { bo, boHive } = await joined(world);
  await opensShare(bo, boHive);
  await bo.page.getByRole("button", { name: /^Members/ }).click();
  await bo.button("Leave the share").click();
  await bo.button("Leave").click();
  await bo.page.getByText("You left “Trip”. Your copy stays where it is.").waitFor();
  assert.equal(await at(boHive, "Trip/packing.md"), FILES["Trip/packing.md"]);

  const { link } = await world.hive.json(
    "friend",
    "invite",
    "--share",
    world.hive.path("Album"),
    "--edit",
  );
  await boHive.skep("join", link, boHive.path("Album"));
  await equal(world.hive, boHive, "Album/cover.dat");
  await opensShare(bo, boHive, "Album");
  await bo.page.getByRole("button", { name: /^Members/ }).click();
  await bo.button("Leave the share").click();
  await bo.page.getByText("Delete my copy too").click();
  await bo.button("Leave and delete my copy").click();
  await bo.page.getByText("Its folder here is deleted.").waitFor();
  assert.equal(await isThere(boHive.path("Album")), false);
  assert.equal(await at(world.hive, "Album/cover.dat"), "cover", "Ada's stays");
});

story("a friend is renamed, quiet, at rest and removed", { files: FILES }, async (world) => {
  const { ada, bo, boHive } = await joined(world);
  const { page } = ada;
  await ada.opens(`${world.hive.url}/app/friends`);
  await ada.button("Settings for Bo").click();
  await page.getByLabel("Your name for them").fill("Bo from the coast");
  await ada.button("Rename").click();
  await page.getByRole("heading", { name: "Bo from the coast" }).waitFor();
  await page.getByText("Quiet", { exact: true }).click();
  await ada.button("1 hour").click();
  await page.getByText(/^Paused until .*\d\d:\d\d\.$/).waitFor();
  await page.keyboard.press("Escape");
  const friends = page.getByRole("list", { name: "Friends" });
  for (const words of ["Bo from the coast", "quiet", "paused", "calls themselves Bo"]) {
    await friends.getByText(words).first().waitFor();
  }
  await appendFile(world.hive.path("Trip/packing.md"), "rope\n");
  await ada.button("Settings for Bo from the coast").click();
  await ada.button("Resume").click();
  await until("it is at Bo's after the pause", async () =>
    (await at(boHive, "Trip/packing.md"))?.includes("rope"),
  );

  await ada.button("Remove Bo from the coast").click();
  await ada.button("Remove Bo from the coast").click();
  await page.getByText("Bo from the coast is removed. Their hive is out at once.").waitFor();
  await page.getByText("Nobody yet.").waitFor();
  await writeFile(world.hive.path("Trip/secret.md"), "for me\n");
  await opensShare(bo, boHive);
  // Whether the word that he is out came before the line was cut, is chance.
  const out = /Ada does not share “Trip” with you|Ada. The other hive does not know this one/;
  await bo.page.getByText(out).waitFor();
  await bo.opens(`${boHive.url}/app/friends`);
  await bo.page.getByText(/does not know this one as a friend. Ask for a new/).waitFor();
  assert.equal(await at(boHive, "Trip/secret.md"), null, "nothing comes any more");
});

story(
  "hives on one network are near, and three words join them",
  { files: FILES, settings: { SKEP_LISTEN_REACH: "network" } },
  async (world) => {
    await world.hive.share("Trip", "--view");
    const ada = await world.owner();
    const { hive, person: bo } = await another(world, "Bo", {
      settings: { SKEP_LISTEN_REACH: "network" },
    });
    await bo.opens(`${hive.url}/app/friends`);
    await bo.page.getByRole("list", { name: "Nearby hives" }).getByText(/Ada/).first().waitFor();
    await ada.opens(`${world.hive.url}/app/friends`);
    await ada.button("Invite a friend").click();
    const words = await ada.page.getByLabel("Words of the invitation").innerText();
    assert.equal(words.trim().split(/\s+/).length, 3);
    await bo.page.getByLabel("I have a link or three words").fill("amber lake violin");
    await bo.button("Add").click();
    await bo.page.getByRole("alert").waitFor();
    await bo.page.getByLabel("I have a link or three words").fill(words);
    await bo.button("Add").click();
    await bo.button("Settings for Ada").waitFor();
    await ada.page.keyboard.press("Escape");
    await ada.button("Settings for Bo").click();
    const phrase = await ada.page
      .getByRole("region", { name: "Check of the line" })
      .locator("p")
      .first()
      .innerText();
    await bo.button("Settings for Ada").click();
    await bo.page.getByText(phrase).waitFor();
  },
);
