// Other programs at a document, through the stock y-websocket client.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import * as Y from "yjs";
import { Program } from "./program.js";
import { story } from "./story.js";
import { until, untilEqual } from "./until.js";

const onDisk = (world, path) => readFile(world.hive.path(path), "utf8");

/** A program at a shared file, and the owner in a browser beside it. */
async function beside(world, path, wish = "--edit") {
  const made = await world.hive.share(path, wish);
  const program = new Program(made.yjs, "Robot");
  world.later(() => program.leave());
  const ada = await world.owner();
  await ada.edits(await world.fileUrl(path));
  return { program, ada, made };
}

story(
  "a stock client and a page write in one text and see each other",
  { files: { "plan.md": "one\n" } },
  async (world) => {
    const { program, ada, made } = await beside(world, "plan.md");
    await program.synced();
    assert.equal(program.text, "one\n");
    assert.deepEqual(Object.keys(made.yjs).sort(), ["params", "room", "text", "url"]);
    await ada.toEnd();
    await ada.types("from the page\n");
    await until("the program has it", () => program.text.includes("from the page"));
    program.content.insert(0, "from a program\n");
    await ada.sees("from a program");
    const all = "from a program\none\nfrom the page\n";
    await untilEqual("all the same", () => ada.shown(), all);
    await untilEqual("on disk too", () => onDisk(world, "plan.md"), all);

    const at = Y.createRelativePositionFromTypeIndex(program.content, 4);
    const cursor = Y.relativePositionToJSON(at);
    program.line.awareness.setLocalStateField("cursor", { anchor: cursor, head: cursor });
    await untilEqual("its caret is in the page", () => ada.carets(), ["Robot"]);
    await ada.button("Robot").waitFor();
    const names = () =>
      [...program.line.awareness.getStates().values()].map((state) => state.user?.name).sort();
    await untilEqual("it sees who is here", names, ["Ada", "Robot"]);
    program.leave();
    await untilEqual("its caret is gone with it", () => ada.carets(), []);
  },
);

story(
  "line ends of Windows and letters beyond the basic plane stay as they are",
  { files: { "win.txt": "eins\r\nzwei 🐝\r\n" } },
  async (world) => {
    const { program, ada } = await beside(world, "win.txt");
    await program.synced();
    await ada.toEnd();
    await ada.types("drei 🍯\n");
    await ada.page.keyboard.press("Control+Home");
    await ada.types("null 👩‍🚀 ");
    program.replace("zwei 🐝", "two 🐝🐝");
    const shown = "null 👩‍🚀 eins\ntwo 🐝🐝\ndrei 🍯\n";
    await untilEqual("the page", () => ada.shown(), shown);
    const plain = () => program.text.replaceAll("\r\n", "\n");
    await untilEqual("the program", plain, shown);
    const there = shown.replaceAll("\n", "\r\n");
    await untilEqual("the file keeps its line ends", () => onDisk(world, "win.txt"), there);
  },
);

story(
  "a token that is taken back ends the program's line, and it cannot come back",
  { files: { "plan.md": "one\n" } },
  async (world) => {
    const { program, ada } = await beside(world, "plan.md");
    await program.synced();
    const keys = await world.hive.json("keys", "list");
    const token = keys.find((key) => key.kind === "token");
    await world.hive.skep("keys", "revoke", token.id);
    await until("the line is closed for good", () => program.closed.some((code) => code >= 4400));
    world.tell(`close code ${program.closed[0]}`);
    program.content.insert(0, "too late ");
    await ada.toEnd();
    await ada.types("two");
    await ada.isSaved();
    assert.equal(await ada.shown(), "one\ntwo");
  },
);

story(
  "a program with a view token reads along and writes nothing",
  { files: { "plan.md": "one\n" } },
  async (world) => {
    const { program, ada } = await beside(world, "plan.md", "--view");
    await program.synced();
    program.content.insert(0, "not allowed ");
    await ada.toEnd();
    await ada.types("two");
    await until("it reads along", () => program.text.endsWith("two"));
    await ada.isSaved();
    assert.equal(await ada.shown(), "one\ntwo");
    await untilEqual("the file", () => onDisk(world, "plan.md"), "one\ntwo");
  },
);

story(
  "a program without a key, or with a wrong one, gets nothing",
  { files: { "plan.md": "one\n" } },
  async (world) => {
    const { yjs } = await world.hive.share("plan.md", "--edit");
    for (const params of [{}, { token: "skep_wrong" }]) {
      const program = new Program({ ...yjs, params });
      world.later(() => program.leave());
      await until("it is turned away", () => program.closed.length > 0);
      assert.equal(program.text, "");
    }
  },
);
