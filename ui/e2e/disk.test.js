// The text and its plain file: what is typed gets there, what other programs write comes back.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFile, open, readFile, rename, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { story } from "./story.js";
import { timed, until, untilEqual } from "./until.js";

const run = promisify(execFile);

/** An owner in one shared text. */
async function alone(world, path) {
  await world.hive.share(path.split("/")[0], "--edit");
  const ada = await world.owner();
  await ada.edits(await world.fileUrl(path));
  return ada;
}

const onDisk = (world, path) => readFile(world.hive.path(path), "utf8");

story(
  "what is typed is in the file within a second",
  { files: { "Trip/plan.md": "start\n" } },
  async (world) => {
    const ada = await alone(world, "Trip/plan.md");
    await ada.toEnd();
    const times = [];
    for (const word of ["one ", "two ", "three ", "four ", "five "]) {
      await ada.types(word);
      const there = async () => (await onDisk(world, "Trip/plan.md")).endsWith(word);
      times.push(await timed(() => until(`${word} on disk`, there)));
    }
    world.tell(`from the last key to the file: ${times.join(", ")} ms`);
    assert.equal(await onDisk(world, "Trip/plan.md"), "start\none two three four five ");
    await ada.isSaved();
  },
);

const POEM = "first line\nsecond line\nthird line\nfourth line\n";

/** What other programs do to a file. */
const WRITERS = {
  "a rename over it, as vim does": async (path) => {
    await writeFile(`${path}.new`, POEM.replace("second", "SECOND"));
    await rename(`${path}.new`, path);
    return POEM.replace("second", "SECOND");
  },
  "a write in place, as a shell does": async (path) => {
    const text = POEM.replace("second line\n", "");
    await writeFile(path, text);
    return text;
  },
  "an append, as a log does": async (path) => {
    await appendFile(path, "fifth line\n");
    return `${POEM}fifth line\n`;
  },
  "sed -i": async (path) => {
    await run("sed", ["-i", "s/^fourth/last/", path]);
    return POEM.replace("fourth", "last");
  },
  "bytes in the middle": async (path) => {
    const file = await open(path, "r+");
    await file.write("FIRST", 0);
    await file.close();
    return POEM.replace("first", "FIRST");
  },
};

for (const [how, write] of Object.entries(WRITERS)) {
  story(
    `${how} appears where it belongs, and the caret stays`,
    { files: { "Trip/poem.txt": POEM } },
    async (world) => {
      const ada = await alone(world, "Trip/poem.txt");
      await ada.text.focus();
      await ada.page.keyboard.press("Control+Home");
      for (const key of ["ArrowDown", "ArrowDown", "End"]) await ada.page.keyboard.press(key);
      const wanted = await write(world.hive.path("Trip/poem.txt"));
      await untilEqual("the page shows it", () => ada.shown(), wanted);
      await ada.types("!");
      const after = wanted.replace("third line", "third line!");
      await untilEqual("the caret stayed", () => ada.shown(), after);
      await untilEqual("the file has both", () => onDisk(world, "Trip/poem.txt"), after);
    },
  );
}

story("vim itself writes the open file", { files: { "Trip/poem.txt": POEM } }, async (world) => {
  const ada = await alone(world, "Trip/poem.txt");
  const vim = ["-es", "-u", "NONE", "-c", "2s/second/2nd/", "-c", "wq"];
  const missing = await run("vim", [...vim, world.hive.path("Trip/poem.txt")]).then(
    () => false,
    (cause) => cause.code === "ENOENT",
  );
  if (missing) return world.tell("vim is not installed here; its way of writing is tested above");
  await untilEqual("the page shows it", () => ada.shown(), POEM.replace("second", "2nd"));
});

story(
  "git checks out another version under an open text",
  { files: { "Repo/notes.md": "# Notes\n\nkeep this\n\nold end\n" } },
  async (world) => {
    const at = world.hive.path("Repo");
    const git = (...words) =>
      run("git", ["-C", at, "-c", "user.name=A", "-c", "user.email=a@example.org", ...words]);
    await git("init", "-q", "-b", "main");
    await git("add", ".");
    await git("commit", "-qm", "first");
    await git("checkout", "-qb", "other");
    await writeFile(`${at}/notes.md`, "# Notes\n\nnew middle\n\nkeep this\n\nnew end\n");
    await git("commit", "-qam", "second");
    await git("checkout", "-q", "main");

    const ada = await alone(world, "Repo/notes.md");
    await ada.page.getByText("keep this").click();
    await ada.page.keyboard.press("End");
    await git("checkout", "-q", "other");
    const other = "# Notes\n\nnew middle\n\nkeep this\n\nnew end\n";
    await untilEqual("the other version", () => ada.shown(), other);
    await ada.types(", Ada");
    const mine = other.replace("keep this", "keep this, Ada");
    await untilEqual("typed where the caret was", () => onDisk(world, "Repo/notes.md"), mine);
    await git("checkout", "-q", "--", ".");
    await untilEqual("thrown away by git", () => ada.shown(), other);
    const { stdout } = await git("status", "--porcelain");
    assert.equal(stdout, "?? .skep-share\n", "nothing but the share's marker");
  },
);

story(
  "undo takes back one's own words only",
  { files: { "Trip/plan.md": "base\n" } },
  async (world) => {
    const ada = await alone(world, "Trip/plan.md");
    const { link } = await world.hive.share("Trip/plan.md", "--edit");
    const bo = await world.guest("Bo", link);
    await ada.toEnd();
    await ada.types("Ada was here\n");
    await bo.sees("Ada was here");
    await bo.toEnd();
    await bo.types("Bo was here\n");
    await ada.sees("Bo was here");
    const written = async () => (await onDisk(world, "Trip/plan.md")).endsWith("Bo was here\n");
    await until("the file has it", written);
    await appendFile(world.hive.path("Trip/plan.md"), "a program was here\n");
    await ada.sees("a program was here");
    await ada.text.focus();
    await ada.page.keyboard.press("Control+z");
    const left = "base\nBo was here\na program was here\n";
    await untilEqual("only Ada's words went", () => ada.shown(), left);
    for (let more = 0; more < 3; more += 1) await ada.page.keyboard.press("Control+z");
    await bo.text.focus();
    await bo.page.keyboard.press("Control+z");
    await untilEqual("then Bo's", () => bo.shown(), "base\na program was here\n");
    await ada.page.keyboard.press("Control+y");
    await untilEqual(
      "and Ada's again",
      () => ada.shown(),
      "base\nAda was here\na program was here\n",
    );
  },
);

story(
  "both write at once: the editor in one line, a program in another",
  { files: { "Trip/poem.txt": POEM } },
  async (world) => {
    const ada = await alone(world, "Trip/poem.txt");
    await ada.text.focus();
    await ada.page.keyboard.press("Control+Home");
    const typing = ada.types("typed while the file changes ");
    const text = (await onDisk(world, "Trip/poem.txt")).replace("fourth", "FOURTH");
    await writeFile(world.hive.path("Trip/poem.txt"), text);
    await typing;
    const wanted = "typed while the file changes " + POEM.replace("fourth", "FOURTH");
    await untilEqual("the page has both", () => ada.shown(), wanted);
    await untilEqual("the file has both", () => onDisk(world, "Trip/poem.txt"), wanted);
  },
);
