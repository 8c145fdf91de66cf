// A text moment by moment, at its own address: looked at, played, compared, named, brought back.

import assert from "node:assert/strict";
import { inspect, OPEN, told } from "./inspect.js";
import { story } from "./story.js";
import { until } from "./until.js";

const FILES = { "Trip/plan.md": "one\n" };

const pastText = (person) =>
  person.page
    .getByRole("textbox", { name: "plan.md as it was" })
    .evaluate((area) =>
      [...area.querySelectorAll(".cm-line")].map((line) => line.textContent).join("\n"),
    );

const shows = (person, text) =>
  until(`the past is ${JSON.stringify(text)}`, async () => (await pastText(person)) === text);

/** Another moment begins after a pause of a second. */
const pause = () => {
  const from = Date.now();
  return until("a pause", () => Date.now() > from + 1100);
};

story(
  "a text is walked through, compared, named and brought back",
  { files: FILES },
  async (world) => {
    await world.hive.share("Trip", "--edit");
    const ada = await world.owner("Ada", OPEN);
    const { page } = ada;
    await ada.edits(await world.fileUrl("Trip/plan.md"));
    for (const words of ["two\n", "three\n"]) {
      await pause();
      await ada.toEnd();
      await ada.types(words);
      await ada.isSaved();
    }
    const address = page.url();
    await ada.button("Moment by moment").click();
    const slider = page.getByRole("slider", { name: "Moment" });
    await slider.waitFor();
    assert.match(page.url(), /\?at=/);
    await shows(ada, "one\ntwo\nthree\n");
    await slider.focus();
    await page.keyboard.press("Home");
    await shows(ada, "one\n");
    await page.keyboard.press("ArrowRight");
    await shows(ada, "one\ntwo\n");
    assert.match(await slider.getAttribute("aria-valuetext"), /Ada/);
    const faults = [];
    await inspect(ada, "the past of a text", faults);
    told(faults);

    // The address opens the same moment again.
    await page.reload();
    await shows(ada, "one\ntwo\n");
    await ada.button("Compare with now").click();
    await page.locator(".sk-came", { hasText: "three" }).waitFor();
    await ada.button("Compare with now").click();
    await ada.button("Who wrote what").click();
    await page.locator(".sk-writer", { hasText: "Ada" }).first().waitFor();
    await ada.button("Name").click();
    await page.getByLabel("Name of this moment").fill("Two lines");
    await ada.button("Name it").click();
    await page.getByRole("button", { name: "Go to Two lines" }).waitFor();

    await ada.button("Copy").click();
    const said = page.getByText(/It is beside it as plan \(.+\)\.md/);
    await said.waitFor();

    await slider.focus();
    await page.keyboard.press("Home");
    await ada.button("Play").click();
    await shows(ada, "one\ntwo\nthree\n");
    await page.getByRole("button", { name: "Go to Two lines" }).click();
    await shows(ada, "one\ntwo\n");
    await ada.button("Restore").click();
    await until("it is as it was", async () => (await ada.shown()) === "one\ntwo\n");
    assert.equal(page.url(), address);
    await ada.isSaved();
    await ada.button("Undo", false).last().click();
    await until("it is as before", async () => (await ada.shown()) === "one\ntwo\nthree\n");
    await ada.isSaved();
  },
);

story(
  "a guest who may view sees the past, and the way back leads out",
  { files: FILES },
  async (world) => {
    const { link } = await world.hive.share("Trip/plan.md", "--view");
    const ada = await world.owner();
    await ada.edits(await world.fileUrl("Trip/plan.md"));
    await ada.toEnd();
    await ada.types("two\n");
    await ada.isSaved();
    const bo = await world.person("Bo", { viewport: { width: 320, height: 640 } });
    await bo.opens(link);
    await bo.button("Moment by moment").click();
    await shows(bo, "one\ntwo\n");
    await bo.page.getByRole("slider", { name: "Moment" }).press("Home");
    await shows(bo, "one\n");
    assert.equal(await bo.button("Restore").count(), 0);
    assert.equal(await bo.button("Copy").count(), 0);
    const wide = await bo.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 320, `the page is ${wide} wide`);
    await bo.page.goBack();
    await bo.sees("two");
    assert.deepEqual(bo.faults, []);
  },
);

story("a folder tells what changed since", { files: FILES }, async (world) => {
  await world.hive.share("Trip", "--edit");
  const ada = await world.owner();
  const { page } = ada;
  await ada.edits(await world.fileUrl("Trip/plan.md"));
  const from = Math.floor(Date.now() / 1000);
  await until("another second", () => Math.floor(Date.now() / 1000) > from);
  const then = new Date((from + 1) * 1000);
  await ada.toEnd();
  await ada.types("two\n");
  await ada.isSaved();
  await page.getByRole("link", { name: "Trip" }).first().click();
  await ada.chooses("More for Trip", "What changed since…");
  const local = new Date(then.getTime() - then.getTimezoneOffset() * 60_000);
  await page.getByLabel("Since").fill(local.toISOString().slice(0, 19));
  const list = page.getByRole("list", { name: "What changed" });
  await list.getByText("Changed").waitFor();
  await list.getByRole("link", { name: "plan.md" }).click();
  await page.locator(".sk-came", { hasText: "two" }).waitFor();
});
