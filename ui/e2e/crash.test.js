// The hive is killed, or the line is cut, while people write. Nothing shown as saved is lost.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { story } from "./story.js";
import { timed, until, untilEqual } from "./until.js";

const KEPT = "Reconnecting, your edits are kept";
const onDisk = (world, path) => readFile(world.hive.path(path), "utf8");

/** Two people in one text. */
async function two(world, path) {
  const { link } = await world.hive.share(path, "--edit");
  const ada = await world.owner();
  await ada.edits(await world.fileUrl(path));
  const bo = await world.guest("Bo", link);
  return [ada, bo];
}

/** Words of which each is written once: `a0 a1 a2 …`. */
const words = (letter, from, to) =>
  Array.from({ length: to - from }, (_, at) => `${letter}${from + at} `).join("");

/** Fails when a word is missing or there twice. */
function holdsOnce(text, list) {
  for (const word of list.trim().split(" ")) {
    const times = text.split(/\s+/).filter((one) => one === word).length;
    assert.equal(times, 1, `“${word}” is there ${times} times in “${text}”`);
  }
}

story(
  "killed while two people write: what was saved stays, what was not is merged",
  { files: { "talk.txt": "Ada: \nBo: \n" } },
  async (world) => {
    const [ada, bo] = await two(world, "talk.txt");
    await ada.text.focus();
    await ada.page.keyboard.press("Control+Home");
    await ada.page.keyboard.press("End");
    await bo.toEnd();
    await bo.page.keyboard.press("ArrowUp");
    await bo.page.keyboard.press("End");

    await Promise.all([ada.types(words("a", 0, 8)), bo.types(words("b", 0, 8))]);
    await Promise.all([ada.isSaved(), bo.isSaved()]);
    const typing = Promise.all([ada.types(words("a", 8, 30)), bo.types(words("b", 8, 30))]);
    await until("some is typed", async () => (await bo.shown()).includes("b10"));
    await world.hive.kill();
    await typing;
    await Promise.all([ada.chipSays(KEPT), bo.chipSays(KEPT)]);
    await ada.seesInPage("The hive is not answering.");
    await Promise.all([ada.types(words("a", 30, 34)), bo.types(words("b", 30, 34))]);

    const back = await timed(async () => {
      await world.hive.start();
      await Promise.all([ada.isSaved(), bo.isSaved()]);
    });
    world.tell(`from the start of the hive to “Saved” on both pages: ${back} ms`);
    await untilEqual("both the same", async () => (await ada.shown()) === (await bo.shown()), true);
    const text = await ada.shown();
    holdsOnce(text, words("a", 0, 34) + words("b", 0, 34));
    assert.equal(text, `Ada: ${words("a", 0, 34)}\nBo: ${words("b", 0, 34)}\n`);
    await untilEqual("the file too", () => onDisk(world, "talk.txt"), text);
    await ada.types("go on");
    await bo.sees("go on");
  },
);

story(
  "whatever a page showed as saved is there after a kill",
  { files: { "saved.txt": "" } },
  async (world) => {
    const [ada] = await two(world, "saved.txt");
    await ada.toEnd();
    for (let round = 0; round < 4; round += 1) {
      await ada.types(words(`r${round}x`, 0, 5));
      await ada.isSaved();
      await world.hive.kill();
      const saved = await ada.shown();
      await world.hive.start();
      const other = await world.owner("Eve");
      await other.edits(await world.fileUrl("saved.txt"));
      assert.equal(await other.shown(), saved, "a page that never saw it before has it all");
      await other.leaves();
      await ada.isSaved();
      await untilEqual("nothing doubled", () => ada.shown(), saved);
    }
  },
);

story(
  "a hive that stops and starts again is found again",
  { files: { "talk.txt": "start\n" } },
  async (world) => {
    const [ada, bo] = await two(world, "talk.txt");
    await ada.toEnd();
    await ada.types("before ");
    await bo.sees("before");
    await world.hive.stop();
    await Promise.all([ada.chipSays(KEPT), bo.chipSays(KEPT)]);
    await ada.types("while away ");
    const before = await onDisk(world, "talk.txt");
    await writeFile(world.hive.path("talk.txt"), before.replace("start", "a program, too"));
    await world.hive.start();
    await Promise.all([ada.isSaved(), bo.isSaved()]);
    const wanted = "a program, too\nbefore while away ";
    await untilEqual("Ada has all three", () => ada.shown(), wanted);
    await untilEqual("Bo has all three", () => bo.shown(), wanted);
    await untilEqual("the file has all three", () => onDisk(world, "talk.txt"), wanted);
  },
);

story(
  "edits made offline on both sides are merged",
  { files: { "plan.md": "# Plan\n\none\n\ntwo\n" } },
  async (world) => {
    const [ada, bo] = await two(world, "plan.md");
    await bo.context.setOffline(true);
    await bo.chipSays(KEPT);
    await bo.page.getByText("one", { exact: true }).click();
    await bo.page.keyboard.press("End");
    await bo.types(", by Bo");
    await ada.page.getByText("two", { exact: true }).click();
    await ada.page.keyboard.press("End");
    await ada.types(", by Ada");
    await ada.isSaved();
    assert.equal(await ada.shown(), "# Plan\n\none\n\ntwo, by Ada\n");
    await bo.context.setOffline(false);
    await Promise.all([ada.isSaved(), bo.isSaved()]);
    const wanted = "# Plan\n\none, by Bo\n\ntwo, by Ada\n";
    await untilEqual("Ada has both", () => ada.shown(), wanted);
    await untilEqual("Bo has both", () => bo.shown(), wanted);
    await untilEqual("the file has both", () => onDisk(world, "plan.md"), wanted);
  },
);

story(
  "unsent edits outlive the page that made them",
  { files: { "talk.txt": "start\n" } },
  async (world) => {
    const [ada, bo] = await two(world, "talk.txt");
    await bo.toEnd();
    await bo.types("sent ");
    await bo.isSaved();
    await world.hive.kill();
    await bo.chipSays(KEPT);
    await bo.types("and not sent");
    const kept = () =>
      bo.page.evaluate(
        () =>
          new Promise((resolve) => {
            const asked = indexedDB.open("skep-unsent");
            asked.onsuccess = () => {
              const all = asked.result.transaction("edits").objectStore("edits").getAll();
              all.onsuccess = () => resolve(all.result.map((one) => one.mine).join());
            };
          }),
      );
    await until("it is kept in the browser", async () => (await kept()).includes("not sent"));
    const url = bo.page.url();
    bo.page.on("dialog", (dialog) => dialog.accept());
    await bo.page.goto("about:blank");
    await world.hive.start();
    await bo.edits(url);
    await untilEqual("it is back", () => bo.shown(), "start\nsent and not sent");
    await ada.sees("sent and not sent");
    await untilEqual(
      "and in the file",
      () => onDisk(world, "talk.txt"),
      "start\nsent and not sent",
    );
  },
);

story(
  "a line that is dead without being closed is noticed and replaced",
  { files: { "talk.txt": "start\n" } },
  async (world) => {
    const { link } = await world.hive.share("talk.txt", "--edit");
    const bo = await world.person("Bo");
    await bo.named();
    let dead = false;
    await bo.page.routeWebSocket(/\/yjs\//, (page) => {
      const hive = page.connectToServer();
      const own = !dead;
      page.onMessage((frame) => (dead && own) || hive.send(frame));
      hive.onMessage((frame) => (dead && own) || page.send(frame));
    });
    await bo.edits(link);
    await bo.toEnd();
    dead = true;
    await bo.types("into the void");
    await bo.chipSays("Saving…");
    await bo.isSaved();
    await untilEqual("it is there once", () => bo.shown(), "start\ninto the void");
    await untilEqual("in the file", () => onDisk(world, "talk.txt"), "start\ninto the void");
  },
);
