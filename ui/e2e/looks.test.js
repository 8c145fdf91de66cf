// Every page and dialog: no accessibility fault, in light and dark, narrow and wide, by keyboard.

import assert from "node:assert/strict";
import { inspect, OPEN, told } from "./inspect.js";
import { story } from "./story.js";
import { until } from "./until.js";

const NOTE = `# Trip to the coast

A **plan** with a [link](list.txt) and \`code\`.

- [x] tent
- [ ] stove

| day | place |
| --- | ----- |
| 1   | shore |
`;

const FILES = {
  "Trip/plan.md": NOTE,
  "Trip/list.txt": "tent\nstove\n",
  "Trip/main.rs": 'fn main() {\n    println!("{}", 1 + 1); // two\n}\n',
  "Trip/data.bin": Buffer.from([0, 1, 2]),
  "Trip/latin.txt": Buffer.from([0xfc, 0xdf]),
  "Trip/photos/one.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"/>',
  "Trip/a name that is rather long and goes on for a while, until it does not fit.txt": "x",
};

story("the first start", { fresh: true, files: FILES }, async (world) => {
  const faults = [];
  const ada = await world.person("Ada", OPEN);
  await ada.opens(await world.hive.signIn());
  await ada.button("I have a link").waitFor();
  await inspect(ada, "first start", faults);
  await ada.button("I have a link").click();
  await inspect(ada, "first start, a link", faults);
  await ada.button("Back").click();
  await ada.button("Start my hive").click();
  await ada.page.getByRole("textbox", { name: "Your name" }).fill("Ada");
  await inspect(ada, "first start, you", faults);
  await ada.button("Continue").click();
  await ada.page.getByRole("radio", { name: /^This computer/ }).waitFor();
  await inspect(ada, "first start, reach", faults);
  await ada.button("Continue").click();
  await ada.button("Choose a folder").waitFor();
  await inspect(ada, "first start, share", faults);
  await ada.button("Choose a folder").click();
  await ada.button("Trip").waitFor();
  await inspect(ada, "folder picker", faults);
  await ada.button("Trip").click();
  await ada.button("Share “Trip”").click();
  await ada.page.getByLabel("Link to Trip").waitFor();
  await ada.page.getByText("End, password, uses, name").click();
  await ada.button("QR code").click();
  await inspect(ada, "share sheet", faults);
  told(faults);
});

story("the owner's pages", { files: FILES }, async (world) => {
  const faults = [];
  const { link } = await world.hive.share("Trip", "--edit", "--name", "For Bo");
  const ada = await world.owner("Ada", OPEN);
  const bo = await world.person("Bo");
  await bo.named();
  await bo.opens(link);
  await bo.button("plan.md").click();
  await bo.ready();
  const { page } = ada;
  const look = (name) => inspect(ada, name, faults);

  await page.getByRole("list", { name: "People here now" }).first().waitFor();
  await look("home");
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await look("shortcuts");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("pl");
  await page.getByText("plan.md").first().waitFor();
  await look("palette");
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  await page.getByRole("dialog", { name: "Share a folder or file" }).waitFor();
  await look("share a folder");
  await page.keyboard.press("Escape");

  await page.getByRole("main").getByRole("link", { name: "Trip" }).first().click();
  await page.getByRole("grid", { name: "Files" }).waitFor();
  await ada.button("plan.md").waitFor();
  await look("folder");
  await page.getByRole("grid", { name: "Files" }).focus();
  await page.keyboard.type("plan");
  await page.keyboard.press(" ");
  await page.getByRole("dialog", { name: "plan.md" }).getByText("Trip to the coast").waitFor();
  await look("quick look");
  await page.keyboard.press("Escape");
  await page.getByRole("searchbox", { name: "Search files by name" }).fill("plan");
  await page.getByRole("list", { name: "Files found" }).waitFor();
  await look("search");
  await page.getByRole("searchbox", { name: "Search files by name" }).fill("");
  await ada.button("New text file").click();
  await look("new text file");
  await page.keyboard.press("Escape");
  await ada.button("More for Trip").click();
  await page.getByRole("menuitem", { name: "Stop sharing" }).waitFor();
  await look("menu of a share");
  await page.getByRole("menuitem", { name: "Stop sharing" }).click();
  await page.getByRole("dialog", { name: /^Stop sharing/ }).waitFor();
  await look("stop sharing");
  await ada.button("Keep sharing").click();

  await ada.button("plan.md").click();
  await ada.ready();
  await ada.text.focus();
  await look("text");
  await page.getByRole("radio", { name: "Split" }).check();
  await page.getByRole("region", { name: "Preview" }).getByText("Trip to the coast").waitFor();
  await look("text and preview");
  await page.getByRole("radio", { name: "Source" }).check();
  await ada.button("Find and replace").click();
  await page.getByRole("textbox", { name: "Find" }).waitFor();
  await look("find");
  await page.keyboard.press("Escape");
  await ada.button("More for this text").click();
  await look("menu of a text");
  await page.getByRole("menu").getByText("Who wrote what").click();
  await page.getByRole("status", { name: "Who wrote what" }).waitFor();
  await look("who wrote what");
  await page.goBack();
  for (const [name, title] of [
    ["main.rs", "program text"],
    ["data.bin", "other file"],
    ["latin.txt", "not UTF-8"],
  ]) {
    await ada.button(name).click();
    await page.getByRole("heading", { level: 1, name }).waitFor();
    if (name === "main.rs") await ada.ready();
    await look(title);
    await page.goBack();
  }
  await ada.button("photos").click();
  await ada.button("one.svg").click();
  await page.getByRole("img", { name: "one.svg" }).waitFor();
  await look("picture");

  await page.getByRole("link", { name: "Keys" }).click();
  await page.getByRole("list", { name: "Links", exact: true }).waitFor();
  await look("keys");
  await ada.button("Make a token").click();
  await look("make a token");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("heading", { name: "Facts" }).waitFor();
  await look("settings");
  await ada.button("until I resume").click();
  await ada.button("Resume").first().waitFor();
  await look("paused");
  told(faults);
});

story("a guest's pages", { files: FILES }, async (world) => {
  const faults = [];
  const { link, id } = await world.hive.share("Trip", "--edit");
  const { link: locked } = await world.hive.share("Trip", "--view", "--password", "honey");
  const bo = await world.person("Bo", OPEN);
  const look = (name) => inspect(bo, name, faults);
  await bo.opens(locked);
  await bo.page.getByLabel("Password of the link").fill("wrong");
  await bo.button("Open").click();
  await bo.page.getByRole("alert").waitFor();
  await look("guest, password");
  await bo.opens(link);
  await bo.button("plan.md").waitFor();
  await look("guest, folder");
  await bo.button("plan.md").click();
  await bo.ready();
  await look("guest, text");
  await bo.toEnd();
  await bo.types("x");
  await bo.page.getByRole("dialog", { name: "What is your name?" }).waitFor();
  await look("guest, name");
  await bo.page.keyboard.press("Escape");
  await world.hive.stop();
  await bo.chipSays("Reconnecting");
  await bo.seesInPage("is not answering");
  await look("guest, hive away");
  await world.hive.start();
  await bo.isSaved();
  await world.hive.skep("keys", "revoke", id);
  await bo.page.getByRole("heading", { name: /taken back/ }).waitFor();
  await look("guest, link taken back");
  told(faults);
});

story("signed out, and the hive away", { files: FILES }, async (world) => {
  const faults = [];
  const eve = await world.person("Eve", OPEN);
  await eve.opens(world.hive.url);
  await eve.page.getByRole("heading", { name: "This browser is signed out" }).waitFor();
  await inspect(eve, "signed out", faults);
  const ada = await world.owner("Ada", OPEN);
  await ada.page.getByRole("link", { name: "Settings" }).first().waitFor();
  await world.hive.stop();
  await ada.seesInPage("The hive is not answering.");
  await inspect(ada, "home, hive away", faults);
  told(faults);
});

story("sharing by keyboard alone", { files: FILES }, async (world) => {
  await world.hive.share("Trip", "--edit");
  const ada = await world.owner();
  const { page } = ada;
  const focus = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      return (at?.getAttribute("aria-label") ?? at?.textContent ?? "").trim();
    });
  /** Tabs until the focus is there; fails when it never is. */
  const tabTo = async (name, key = "Tab") => {
    for (let steps = 0; steps < 60; steps += 1) {
      if ((await focus()) === name) return;
      await page.keyboard.press(key);
    }
    assert.fail(`“${name}” is not reached by ${key}; the focus is at “${await focus()}”`);
  };
  await tabTo("Share Trip");
  await page.keyboard.press("Enter");
  const sheet = page.getByRole("dialog", { name: "Share “Trip”" });
  await sheet.waitFor();
  await tabTo("Make a new link");
  await page.keyboard.press("Enter");
  await sheet.getByLabel("Link to Trip").waitFor();
  await tabTo("Copy link");
  const within = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      return at === document.body || at.closest("dialog") !== null;
    });
  for (let steps = 0; steps < 40; steps += 1) {
    await page.keyboard.press(steps % 3 ? "Tab" : "Shift+Tab");
    assert.ok(await within(), `the focus left the sheet for “${await focus()}”`);
  }
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "hidden" });
  await until("the focus is back where it was", async () => (await focus()) === "Share Trip");
});
