// What a link opens, how far, and how it ends.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { story } from "./story.js";
import { timed, until, untilEqual } from "./until.js";

const TRIP = { files: { "Trip/plan.md": "the plan\n" } };

/** A guest before a link: no name told, nothing open yet. */
async function visitor(world, link) {
  const bo = await world.person("Bo");
  return bo.opens(link);
}

for (const [wish, word] of [
  ["--view", "You can view it"],
  ["--comment", "You can comment and view it"],
]) {
  story(
    `a link with ${wish} shows the text, says why, and takes no letter`,
    TRIP,
    async (world) => {
      const { link } = await world.hive.share("Trip/plan.md", wish);
      const bo = await visitor(world, link);
      await bo.text.waitFor();
      await bo.seesInPage(word);
      await bo.chipSays("read-only");
      await bo.toEnd();
      await bo.types("not mine to write");
      const { link: other } = await world.hive.share("Trip/plan.md", "--edit");
      const cy = await world.guest("Cy", other);
      await cy.toEnd();
      await cy.types("written by Cy");
      await bo.sees("written by Cy");
      assert.equal(await bo.shown(), "the plan\nwritten by Cy");
      const text = await readFile(world.hive.path("Trip/plan.md"), "utf8");
      assert.ok(!text.includes("not mine"), "nothing of a reader is in the file");
    },
  );
}

story("a link that is taken back closes the open page at once", TRIP, async (world) => {
  const { link, id } = await world.hive.share("Trip/plan.md", "--edit");
  const bo = await world.guest("Bo", link);
  await bo.toEnd();
  await bo.types("Bo was here");
  await bo.isSaved();
  const said = bo.page.getByText(/taken back/).first();
  const took = await timed(async () => {
    await world.hive.skep("keys", "revoke", id);
    await said.waitFor();
  });
  world.tell(`from taking it back to the guest's page saying so: ${took} ms`);
  assert.equal(await bo.text.isVisible(), false, "the text is gone from the guest's page");
  await bo.page.reload();
  await bo.page.getByRole("heading", { name: /^This link was taken back/ }).waitFor();
  const text = await readFile(world.hive.path("Trip/plan.md"), "utf8");
  assert.equal(text, "the plan\nBo was here");
});

story("a link taken back in a folder closes it too", TRIP, async (world) => {
  const { link, id } = await world.hive.share("Trip", "--view");
  const bo = await visitor(world, link);
  await bo.button("plan.md").waitFor();
  await world.hive.skep("keys", "revoke", id);
  await bo.seesInPage("taken back");
  assert.equal(await bo.button("plan.md").isVisible(), false);
});

story("a link that ends while it is open", TRIP, async (world) => {
  const { link } = await world.hive.share("Trip/plan.md", "--edit", "--expires", "4s");
  const bo = await world.guest("Bo", link);
  await bo.seesInPage("This link has expired.", { within: 10_000 });
  await bo.page.reload();
  await bo.page.getByRole("heading", { name: "This link has expired." }).waitFor();
});

story("a password: wrong, then right", TRIP, async (world) => {
  const { link } = await world.hive.share("Trip/plan.md", "--edit", "--password", "honey pot");
  const bo = await visitor(world, link);
  await bo.page.getByLabel("Password of the link").fill("bee");
  await bo.button("Open").click();
  const wrong = await bo.page.getByRole("alert").innerText();
  assert.match(wrong, /password/i);
  assert.equal(await bo.text.isVisible(), false);
  await bo.page.getByLabel("Password of the link").fill("honey pot");
  await bo.button("Open").click();
  await bo.ready();
  assert.equal(await bo.shown(), "the plan\n");
  await bo.page.reload();
  await bo.ready();
});

story("a link for one browser opens in one browser", TRIP, async (world) => {
  const { link } = await world.hive.share("Trip/plan.md", "--edit", "--once");
  const bo = await world.guest("Bo", link);
  await bo.page.reload();
  await bo.ready();
  const cy = await world.person("Cy");
  await cy.opens(link);
  await cy.page.getByRole("heading", { name: /limited number of people/ }).waitFor();
});

story("links that are unknown, cut or wrong say so and open nothing", TRIP, async (world) => {
  const { link } = await world.hive.share("Trip/plan.md", "--edit");
  const [address, secret] = link.split("#");
  const heading = async (url) => {
    const someone = await world.person("Someone");
    await someone.opens(url);
    const said = someone.page.getByRole("heading", { level: 1 });
    await said.waitFor();
    assert.equal(await someone.text.isVisible(), false);
    return said.innerText();
  };
  const unknown = await heading(`${world.hive.url}/l/aaaaaaaaaa#${secret}`);
  assert.match(unknown, /link/i);
  assert.match(await heading(address), /not whole/);
  const other = secret.startsWith("a") ? "b" : "a";
  const wrong = await heading(`${address}#${other}${secret.slice(1)}`);
  world.tell(`unknown: “${unknown}” wrong secret: “${wrong}”`);
  assert.match(wrong, /link/i);
});

story("a paused hive keeps friends out and lets them in again", TRIP, async (world) => {
  const { link } = await world.hive.share("Trip/plan.md", "--edit");
  const ada = await world.owner();
  const bo = await world.guest("Bo", link);
  await ada.page.getByRole("link", { name: "Settings" }).click();
  await ada.button("until I resume").click();
  await ada.seesInPage("Friends cannot open anything.");
  await until("Bo is told", async () => /paused/i.test(await bo.page.locator("body").innerText()));
  const cy = await world.person("Cy");
  await cy.opens(link);
  await cy.seesInPage(/paused/i);
  await ada.button("Resume").first().click();
  await bo.ready();
  await bo.toEnd();
  await bo.types("back again");
  await cy.text.waitFor();
  await cy.sees("back again");
});

story("a right that is widened or narrowed takes effect in the open page", TRIP, async (world) => {
  const ada = await world.owner();
  const { link, id } = await world.hive.share("Trip/plan.md", "--view");
  const bo = await visitor(world, link);
  await bo.text.waitFor();
  const change = (right) =>
    ada.page.evaluate(
      ([id, right]) =>
        fetch(`/api/v1/links/${id}`, {
          method: "PATCH",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ right }),
        }).then((answer) => answer.status),
      [id, right],
    );
  assert.equal(await change("edit"), 200);
  await bo.seesInPage("You can edit it");
  await bo.isSaved();
  await bo.toEnd();
  await bo.types("x");
  await bo.page.getByRole("textbox", { name: "Your name" }).fill("Bo");
  await bo.button("Continue").click();
  await bo.sees("the plan\nx");
  assert.equal(await change("view"), 200);
  await bo.chipSays("read-only");
  await bo.types("y");
  await untilEqual("no more letters", () => bo.shown(), "the plan\nx");
});
