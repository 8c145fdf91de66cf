// Being together in one text: following, asking to come, whose words are whose, taking back.

import assert from "node:assert/strict";
import { story } from "./story.js";
import { until, untilEqual } from "./until.js";

const long = Array.from({ length: 400 }, (_, line) => `line ${line}`).join("\n");
const LONG = { files: { "Trip/long.txt": long, "Trip/other.txt": long } };

/** Whether a line of the text stands in the window. */
const seesLine = (person, words) =>
  person.text.evaluate((area, wanted) => {
    const box = area.closest(".cm-scroller").getBoundingClientRect();
    const line = [...area.querySelectorAll(".cm-line")].find((one) => one.textContent === wanted);
    const { top, bottom } = line?.getBoundingClientRect() ?? { top: -1, bottom: -1 };
    return bottom > box.top && top < box.bottom;
  }, words);

const shows = (person, words) =>
  until(`${person.name} sees ${words}`, () => seesLine(person, words));

const scrolls = (person, part) =>
  person.text.evaluate((area, to) => {
    const scroller = area.closest(".cm-scroller");
    scroller.scrollTop = to * (scroller.scrollHeight - scroller.clientHeight);
  }, part);

story(
  "somebody is followed, also into the next file, until one does something",
  LONG,
  async (world) => {
    const { link } = await world.hive.share("Trip", "--edit");
    const ada = await world.owner();
    const bo = await world.person("Bo");
    await bo.named();
    await bo.opens(link);
    await bo.button("long.txt").click();
    await bo.ready();
    await ada.edits(await world.fileUrl("Trip/long.txt"));

    await ada.chooses("Bo", "Follow Bo");
    const following = ada.page.getByText("Following Bo");
    await following.waitFor();
    await scrolls(bo, 0.5);
    await shows(ada, "line 200");
    await until("the radar shows Bo", async () => {
      const looks = ada.page.locator(".sk-look");
      return (
        (await looks.count()) === 1 && (await looks.first().getAttribute("data-name")) === "Bo"
      );
    });
    await bo.page.getByRole("link", { name: "Trip" }).first().click();
    await bo.button("other.txt").click();
    await bo.ready();
    await ada.page.getByRole("textbox", { name: "Text of other.txt" }).waitFor();
    await following.waitFor();
    await scrolls(bo, 0.25);
    await shows(ada, "line 110");

    await ada.text.focus();
    await ada.page.keyboard.press("ArrowDown");
    await following.waitFor({ state: "hidden" });
    await scrolls(bo, 0.9);
    await scrolls(ada, 0);
    await shows(ada, "line 0");

    await bo.button("Ask the others to come here").click();
    await ada.seesInPage("Bo asks you to come.");
    await ada.button("Go there").click();
    await shows(ada, "line 350");
  },
);

story(
  "each takes back their own words alone, by key, by button and with the keys of Vim",
  { files: { "note.txt": "start\n" } },
  async (world) => {
    const { link } = await world.hive.share("note.txt", "--edit");
    const ada = await world.owner();
    await ada.edits(await world.fileUrl("note.txt"));
    const bo = await world.guest("Bo", link);
    await ada.toEnd();
    await ada.types("from Ada\n");
    await bo.sees("from Ada");
    await bo.toEnd();
    await bo.types("from Bo\n");
    await ada.sees("from Bo");
    await ada.page.keyboard.press("Control+z");
    await untilEqual("Ada's words are gone, Bo's stand", () => bo.shown(), "start\nfrom Bo\n");
    await ada.button("Redo").click();
    await untilEqual("they are back", () => bo.shown(), "start\nfrom Ada\nfrom Bo\n");
    await ada.button("Undo").click();
    await untilEqual("and gone again", () => bo.shown(), "start\nfrom Bo\n");
    assert.equal(await ada.button("Undo").isEnabled(), false);

    await ada.chooses("More for this text", "Who wrote what");
    await ada.page.getByRole("status", { name: "Who wrote what" }).getByText("Bo").waitFor();
    const marked = () =>
      ada.page.locator(".sk-by").evaluateAll((all) => all.map((one) => one.textContent).join("|"));
    await untilEqual("Bo's words have his colour", marked, "from Bo");

    await ada.chooses("More for this text", "Vim keys");
    await ada.page.locator(".cm-vim-panel").waitFor();
    await ada.text.focus();
    await ada.types("ggdd");
    await untilEqual("a line is deleted", () => bo.shown(), "from Bo\n");
    await ada.types("u");
    await untilEqual("and back", () => bo.shown(), "start\nfrom Bo\n");
    await ada.types("iyes ");
    await bo.sees("yes start");
    await ada.page.keyboard.press("Escape");
    await ada.chooses("More for this text", "Emacs keys");
    await ada.page.locator(".cm-vim-panel").waitFor({ state: "detached" });
    await ada.page.locator(".cm-emacsMode").waitFor();
    await ada.text.focus();
    await ada.page.keyboard.press("Control+Home");
    await ada.page.keyboard.press("Control+a");
    await ada.page.keyboard.press("Control+k");
    await untilEqual("the line is killed", () => bo.shown(), "\nfrom Bo\n");
    await ada.page.keyboard.press("Control+/");
    await bo.sees("yes start");
  },
);

story(
  "words are found and replaced by keyboard, and a line by its number",
  { files: { "list.txt": `${"tent and Tent\n".repeat(3)}${long}` } },
  async (world) => {
    await world.hive.share("list.txt", "--edit");
    const ada = await world.owner();
    await ada.edits(await world.fileUrl("list.txt"));
    await ada.text.focus();
    await ada.page.keyboard.press("Control+f");
    await ada.page.getByRole("textbox", { name: "Find" }).waitFor();
    await ada.types("tent");
    await ada.seesInPage("6 found");
    await ada.page.keyboard.press("Enter");
    await ada.seesInPage("1 of 6");
    await ada.button("Capitals count").click();
    await ada.seesInPage(/^1 of 3$|^3 found$/);
    await ada.page.getByRole("textbox", { name: "Replace with" }).fill("stove");
    await ada.button("Replace all").click();
    await ada.sees("stove and Tent\nstove and Tent\nstove and Tent");
    await ada.page.keyboard.press("Escape");
    await ada.chooses("More for this text", "Go to line…");
    await ada.types("303");
    await ada.page.keyboard.press("Enter");
    await shows(ada, "line 299");
  },
);
