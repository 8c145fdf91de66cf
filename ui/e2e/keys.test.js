// The page of keys: every link, browser, guest and token, and taking them back.

import assert from "node:assert/strict";
import { Program } from "./program.js";
import { story } from "./story.js";
import { timed, until, untilEqual } from "./until.js";

story(
  "keys of every kind are listed, and each can be taken back from the page",
  { files: { "Trip/plan.md": "the plan\n" } },
  async (world) => {
    const { link, yjs } = await world.hive.share("Trip/plan.md", "--edit", "--name", "For Bo");
    const ada = await world.owner();
    const second = await world.owner("Ada elsewhere");
    const bo = await world.guest("Bo", link);
    const program = new Program(yjs);
    world.later(() => program.leave());
    await program.synced();

    const { page } = ada;
    await page.getByRole("link", { name: "Keys" }).click();
    await page.getByRole("heading", { level: 1, name: "Keys" }).waitFor();
    const list = (name) => page.getByRole("list", { name, exact: true }).getByRole("listitem");
    const shown = async (name) => (await list(name).first().innerText()).replace(/\s+/g, " ");
    await list("Links").first().waitFor();
    assert.match(await shown("Links"), /For Bo can edit.*plan\.md.*used just now/);
    assert.match(await shown("Guests"), /Bo can edit.*used just now from/);
    assert.match(await shown("Tokens"), /can edit/);
    await untilEqual("both browsers", () => list("Your browsers").count(), 2);
    for (const name of ["Links", "Guests", "Tokens"]) world.tell(`${name}: ${await shown(name)}`);

    await ada.button("Make a token").click();
    const making = page.getByRole("dialog", { name: "Make a token" });
    await making.getByLabel("For which program").fill("Backup");
    await making.getByRole("button", { name: "Make it" }).click();
    const token = await page.getByLabel("Token", { exact: true }).inputValue();
    assert.match(token, /^skep_/);
    await ada.button("Done").click();
    const call = () =>
      fetch(`${world.hive.url}/api/v1/shares`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal((await call()).status, 200);

    const takeBack = async (entry) => {
      await entry.getByRole("button", { name: /^Take back/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
    };
    await takeBack(list("Tokens").filter({ hasText: "Backup" }));
    await until("the token is worth nothing", async () => (await call()).status === 401);
    await takeBack(list("Tokens").first());
    await until("the program is out", () => program.closed.some((code) => code >= 4400));
    const out = await timed(async () => {
      await takeBack(list("Guests").first());
      await bo.page.getByRole("heading", { name: "Your visit has ended." }).waitFor();
    });
    world.tell(`from two clicks to the guest being out: ${out} ms`);
    await bo.button("Open the link").click();
    await bo.ready();
    await takeBack(list("Links").first());
    await bo.seesInPage("taken back");
    await takeBack(list("Your browsers").filter({ hasNotText: "this browser" }));
    await second.page.reload();
    await second.seesInPage("This browser is signed out");
    await untilEqual("one browser is left", () => list("Your browsers").count(), 1);
  },
);
