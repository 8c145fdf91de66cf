// A text of the owner's own browser while the hive is away, also after a reload; a guest's not.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { story } from "./story.js";
import { until, untilEqual } from "./until.js";

const databases = (person) =>
  person.page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name).sort());

/** What the browser keeps of the pages themselves. */
const shell = (person) =>
  person.page.evaluate(async () => {
    const keys = await (await caches.open("skep-shell")).keys();
    return keys.map(({ url }) => new URL(url).pathname);
  });

/** What stands in one of the browser's databases. */
const stored = (person, name, table) =>
  person.page.evaluate(
    ([name, table]) =>
      new Promise((done, fail) => {
        const open = indexedDB.open(name);
        open.onerror = fail;
        open.onsuccess = () => {
          const all = open.result.transaction(table).objectStore(table).getAll();
          all.onsuccess = () => (open.result.close(), done(all.result));
        };
      }),
    [name, table],
  );

story(
  "a text is written on while the hive is away, through a reload, and merged when it is back",
  { files: { "note.txt": "first\n" } },
  async (world) => {
    const { link } = await world.hive.share("note.txt", "--edit");
    const ada = await world.owner();
    await ada.edits(await world.fileUrl("note.txt"));
    ada.page.on("dialog", (dialog) => dialog.accept());
    const bo = await world.guest("Bo", link);
    await ada.toEnd();
    await ada.types("one\n");
    await bo.sees("one");
    await ada.isSaved();
    await until("the pages are kept", async () => {
      const kept = await shell(ada);
      return kept.includes("/shell/owner") && kept.some((path) => path.includes("Editor-"));
    });

    await until("the guest's pages too", async () => {
      const kept = await shell(bo);
      return kept.includes("/shell/guest") && kept.some((path) => path.includes("Editor-"));
    });
    bo.page.on("dialog", (dialog) => dialog.accept());

    await world.hive.stop();
    await ada.chipSays("Reconnecting");
    await ada.types("two\n");
    await ada.chipSays("1 edit waiting");
    await until("the edit is kept", async () => {
      const edits = await stored(ada, "skep-unsent", "edits");
      return edits.some(({ mine }) => mine.endsWith("two\n"));
    });
    await bo.chipSays("Reconnecting");
    await bo.toEnd();
    await bo.types("from Bo\n");
    await until("the guest's edit is kept", async () => {
      const edits = await stored(bo, "skep-unsent", "edits");
      return edits.some(({ mine }) => mine.endsWith("from Bo\n"));
    });
    await bo.page.reload();
    await bo.seesInPage("What you wrote in 1 file waits in this browser");
    await ada.page.reload();
    await ada.sees("first\none\ntwo");
    await ada.chipSays("1 edit waiting");
    await ada.toEnd();
    await ada.types("three\n");
    await ada.chipSays("2 edits waiting");

    const path = world.hive.path("note.txt");
    await writeFile(path, `on disk\n${await readFile(path, "utf8")}`);
    await world.hive.start();
    await ada.isSaved();
    await bo.ready();
    const all = "on disk\nfirst\none\nthree\ntwo\nfrom Bo\n".split("\n").sort();
    const lines = async (text) => (await text).split("\n").sort();
    await untilEqual("Ada has all", () => lines(ada.shown()), all);
    await untilEqual("Bo has all", () => lines(bo.shown()), all);
    await untilEqual("the file has all", () => lines(readFile(path, "utf8")), all);

    assert.ok(!(await databases(bo)).includes("skep-kept"), "a guest's browser keeps no text");
    const guests = (await shell(bo)).filter((path) => !path.startsWith("/assets/"));
    assert.deepEqual(guests, ["/shell/guest"]);
    await ada.page.evaluate(() => fetch("/api/v1/session", { method: "DELETE" }));
    await ada.page.getByRole("heading", { name: "This browser is signed out" }).waitFor();
    await untilEqual("signed out, nothing stays", () => stored(ada, "skep-kept", "texts"), []);
  },
);
