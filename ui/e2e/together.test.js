// From the first start to two people in one text.

import assert from "node:assert/strict";
import { story } from "./story.js";
import { timed, until, untilEqual } from "./until.js";

const CLICKS_MOST = 6;

story(
  "from the first start to a friend who writes along",
  { fresh: true, files: { "Trip/plan.md": "# Trip\n\nFirst day\n", "Trip/list.txt": "tent\n" } },
  async (world) => {
    const ada = await world.person("Ada");
    const { page } = ada;
    await ada.opens(await world.hive.signIn());
    await ada.click(ada.button("Start my hive"));
    await page.getByLabel("Your name").fill("Ada");
    await ada.click(ada.button("Continue"));
    await page.getByRole("heading", { name: "Where may friends reach you?" }).waitFor();
    await ada.click(ada.button("Continue"));
    await ada.click(ada.button("Choose a folder"));
    await ada.click(ada.button("Trip"));
    await ada.click(ada.button("Share “Trip”"));
    await page.getByText("Link copied").waitFor();
    assert.ok(ada.clicks <= CLICKS_MOST, `${ada.clicks} clicks to a copied link`);
    world.tell(`${ada.clicks} clicks from the first start to a copied link`);

    const sheet = page.getByRole("dialog", { name: "Share “Trip”" });
    const link = await sheet.getByLabel("Link to Trip").inputValue();
    assert.match(link, /^http:\/\/[^/]+\/l\/\w{10}#\w{26,}$/);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), link);
    const changed = page.waitForResponse((one) => one.request().method() === "PATCH" && one.ok());
    await sheet.getByRole("radio", { name: "Edit" }).check();
    await changed;
    await ada.button("Close").click();
    await page.getByRole("button", { name: "plan.md" }).click();
    await ada.ready();

    const bo = await world.person("Bo");
    await bo.opens(link);
    await bo.seesInPage("Ada shares Trip with you");
    await bo.button("plan.md").click();
    await bo.ready();
    await bo.toEnd();
    await bo.types("S");
    await bo.page.getByRole("dialog", { name: "What is your name?" }).waitFor();
    await bo.page.getByRole("textbox", { name: "Your name" }).fill("Bo");
    await bo.button("Continue").click();
    await bo.sees("First day\nS");
    await bo.types("econd day, says Bo\n");
    await ada.sees("Second day, says Bo");
    await ada.toEnd();
    await ada.types("Third day, says Ada");
    await bo.sees("Third day, says Ada");
    assert.equal(await ada.shown(), await bo.shown());

    await untilEqual("Bo sees Ada's caret", () => bo.carets(), ["Ada"]);
    await untilEqual("Ada sees Bo's caret", () => ada.carets(), ["Bo"]);
    await ada.button("Bo").waitFor();
    await bo.button("Ada").waitFor();
    await page.getByRole("list", { name: "People here now" }).getByTitle("Bo is in").waitFor();
  },
);

const long = Array.from({ length: 400 }, (_, line) => `line ${line}`).join("\n");

story(
  "who is far away in the text is one click away",
  { files: { "long.txt": long } },
  async (world) => {
    const { link } = await world.hive.share("long.txt", "--edit");
    const ada = await world.owner();
    await ada.edits(await world.fileUrl("long.txt"));
    const bo = await world.guest("Bo", link);
    await bo.toEnd();
    await bo.types(" the end");
    const edge = ada.button("Go to Bo, below");
    await edge.waitFor();
    await edge.click();
    await ada.seesInPage("line 399 the end");
    await edge.waitFor({ state: "hidden" });
    await ada.text.evaluate((area) => (area.closest(".cm-scroller").scrollTop = 0));
    await ada.chooses("Bo", "Go to Bo");
    await ada.seesInPage("line 399 the end");
  },
);

story(
  "a letter is on the other's screen at once",
  { files: { "note.txt": "here: \n" } },
  async (world) => {
    const { link } = await world.hive.share("note.txt", "--edit");
    const ada = await world.owner();
    await ada.edits(await world.fileUrl("note.txt"));
    const bo = await world.guest("Bo", link);
    const times = [];
    await ada.toEnd();
    for (const letter of "abcdefghij") {
      times.push(
        await timed(async () => {
          await ada.types(letter);
          const shows = async () => (await bo.shown()).includes(letter);
          await until(`Bo sees ${letter}`, shows);
        }),
      );
    }
    times.sort((a, b) => a - b);
    world.tell(`from a key to the other screen, with the polling: median ${times[5]} ms`);
    assert.equal(await bo.shown(), "here: \nabcdefghij");
  },
);

story(
  "two who type at one place at once keep all their letters",
  { files: { "note.txt": "" } },
  async (world) => {
    const { link } = await world.hive.share("note.txt", "--edit");
    const ada = await world.owner();
    await ada.edits(await world.fileUrl("note.txt"));
    const bo = await world.guest("Bo", link);
    await Promise.all([ada.toEnd(), bo.toEnd()]);
    await Promise.all([ada.types("aaaaaaaaaaaaaaaaaaaa"), bo.types("bbbbbbbbbbbbbbbbbbbb")]);
    const letters = async (person) => [...(await person.shown())].sort().join("");
    const wanted = "a".repeat(20) + "b".repeat(20);
    await untilEqual("Ada has all", () => letters(ada), wanted);
    await untilEqual("Bo has all", () => letters(bo), wanted);
    await untilEqual("both the same", async () => (await ada.shown()) === (await bo.shown()), true);
  },
);
