// A folder of thousands of files by keyboard, and what each kind of file shows.

import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { story } from "./story.js";
import { until, untilEqual } from "./until.js";

/** One red pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==",
  "base64",
);

const many = (count) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => {
      const name = String(at).padStart(4, "0");
      return [`Many/file-${name}.txt`, `${"x".repeat(at % 97)}${name}\n`];
    }),
  );

/** The owner at the top of a share. */
async function inFolder(world, folder) {
  await world.hive.share(folder, "--view");
  const ada = await world.owner();
  const list = ada.page.getByRole("main").getByRole("list", { name: "Shares" });
  await list.getByRole("link", { name: folder }).click();
  await ada.page.getByRole("grid", { name: "Files" }).waitFor();
  return ada;
}

const row = (person, name) => person.page.getByRole("row", { name, exact: false });
const chosen = (person) => person.page.getByRole("row", { selected: true }).getByRole("button");

story(
  "two thousand files, walked, sorted, found and opened by keyboard",
  { files: { ...many(2000), "Many/zebra.md": "stripes\n", "Many/albums/a.txt": "a" } },
  async (world) => {
    const ada = await inFolder(world, "Many");
    const { keyboard } = ada.page;
    const grid = ada.page.getByRole("grid", { name: "Files" });
    await ada.seesInPage("2,002 items");
    const isAt = (name) => untilEqual(`the row ${name}`, () => chosen(ada).innerText(), name);
    assert.ok((await ada.page.getByRole("row").count()) < 120, "only the rows in view are drawn");

    await grid.focus();
    await keyboard.press("End");
    await isAt("zebra.md");
    await keyboard.press("ArrowUp");
    await isAt("file-1999.txt");
    for (let page = 0; page < 6; page += 1) await keyboard.press("PageUp");
    await until("rows are there wherever the keys lead", async () =>
      /^file-1[89]\d\d\.txt$/.test(await chosen(ada).innerText()),
    );
    await keyboard.press("Home");
    await isAt("albums");
    await keyboard.type("file-1500");
    await isAt("file-1500.txt");

    await ada.button("Size").click();
    await ada.button("Size").click();
    await ada.page
      .getByRole("columnheader", { name: "Size" })
      .and(ada.page.locator("[aria-sort=descending]"))
      .waitFor();
    const first = ada.page.getByRole("row").nth(2).getByRole("button");
    await untilEqual(
      "the largest comes first",
      async () => (await first.innerText()).slice(0, 5),
      "file-",
    );
    const largest = await first.innerText();
    assert.equal(Number(largest.slice(5, 9)) % 97, 96, `${largest} is one of the largest`);
    await ada.button("Name").click();
    await ada.page
      .getByRole("columnheader", { name: "Name" })
      .and(ada.page.locator("[aria-sort=ascending]"))
      .waitFor();

    await grid.focus();
    await keyboard.type("zeb");
    await isAt("zebra.md");
    await keyboard.press("Enter");
    await ada.ready();
    assert.equal(await ada.shown(), "stripes\n");
    await ada.page.goBack();
    await grid.focus();
    await keyboard.press("Home");
    await isAt("albums");
    await keyboard.press("Enter");
    await row(ada, "a.txt").waitFor();
    await ada.page.getByRole("grid", { name: "Files" }).focus();
    await keyboard.press("Backspace");
    await ada.seesInPage("2,002 items");
    await ada.page.getByRole("grid", { name: "Files" }).focus();
    await keyboard.press("/");
    await keyboard.type("zebra");
    const found = ada.page.getByRole("list", { name: "Files found" });
    await found.getByRole("button", { name: "zebra.md" }).waitFor();
    assert.equal(await found.getByRole("listitem").count(), 1);
  },
);

story(
  "files that come, go and change on disk do so in the list",
  { files: { "Trip/one.txt": "1", "Trip/two.txt": "2" } },
  async (world) => {
    const ada = await inFolder(world, "Trip");
    await world.hive.put({ "Trip/three.txt": "3", "Trip/deep/er/four.txt": "4" });
    await row(ada, "three.txt").waitFor();
    await row(ada, "deep").waitFor();
    await rm(world.hive.path("Trip/one.txt"));
    await row(ada, "one.txt").waitFor({ state: "hidden" });
    await writeFile(world.hive.path("Trip/two.txt"), "two".repeat(100));
    await row(ada, "two.txt").getByText("300 bytes").waitFor();
  },
);

story(
  "each kind of file shows itself or says in a sentence why not",
  {
    files: {
      "Mix/dot.png": PNG,
      "Mix/data.bin": Buffer.from([0, 1, 2, 3, 0, 255]),
      "Mix/looks.txt": Buffer.from("text with a \0 in it"),
      "Mix/latin.txt": Buffer.from([0x47, 0x72, 0xfc, 0xdf, 0x65, 0x0a]),
      "Mix/large.txt": "a line of a large file\n".repeat(300_000),
      "Mix/empty.txt": "",
      "Mix/page.html": "<script>document.title = 'ran'</script>",
    },
  },
  async (world) => {
    const ada = await inFolder(world, "Mix");
    const look = async (name) => {
      await ada.button(name).click();
      await ada.page.getByRole("heading", { level: 1, name }).waitFor();
      return ada.page.getByRole("main");
    };
    const back = () => ada.page.goBack();

    const picture = (await look("dot.png")).getByRole("img", { name: "dot.png" });
    await until("the picture is drawn", () =>
      picture.evaluate((image) => image.naturalWidth === 1),
    );
    await back();

    const other = await look("data.bin");
    const coming = ada.page.waitForEvent("download");
    await other.getByRole("link", { name: "Download" }).last().click();
    const download = await coming;
    assert.equal(download.suggestedFilename(), "data.bin");
    const bytes = await readFile(await download.path());
    assert.deepEqual([...bytes], [0, 1, 2, 3, 0, 255]);
    await back();

    const sentences = {
      "looks.txt": /binary|not text/i,
      "latin.txt": /UTF-8/,
      "large.txt": /5 MB/,
    };
    for (const [name, sentence] of Object.entries(sentences)) {
      const said = await (await look(name)).getByRole("alert").innerText();
      assert.match(said, sentence);
      world.tell(`${name}: ${said.replace(/\s+/g, " ")}`);
      if (name === "large.txt") await ada.text.waitFor();
      else assert.equal(await ada.text.count(), 0, "never an empty editor");
      await back();
    }

    await look("empty.txt");
    await ada.ready();
    assert.equal(await ada.shown(), "");
    await back();
    await look("page.html");
    await ada.ready();
    assert.notEqual(await ada.page.title(), "ran");
  },
);

story(
  "a new text file is made in the folder on disk, and a taken name says so",
  { files: { "Trip/plan.md": "the plan\n" } },
  async (world) => {
    const ada = await inFolder(world, "Trip");
    await ada.button("New text file").click();
    const dialog = ada.page.getByRole("dialog", { name: "New text file" });
    await dialog.getByLabel("Name").fill("plan.md");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.getByRole("alert").waitFor();
    world.tell(`taken: ${(await dialog.getByRole("alert").innerText()).replace(/\s+/g, " ")}`);
    await dialog.getByLabel("Name").fill("diary.md");
    await dialog.getByRole("button", { name: "Create" }).click();
    await ada.ready();
    await ada.text.focus();
    await ada.types("Dear diary");
    const there = () => readFile(world.hive.path("Trip/diary.md"), "utf8").catch(() => "");
    await untilEqual("it is on disk", there, "Dear diary");
  },
);

story(
  "a file that is removed while open says so, and keeps what was written",
  { files: { "Trip/plan.md": "the plan\n" } },
  async (world) => {
    await world.hive.share("Trip", "--view");
    const ada = await world.owner();
    await ada.edits(await world.fileUrl("Trip/plan.md"));
    await rm(world.hive.path("Trip/plan.md"));
    await until("the page says so", async () =>
      /removed|gone|not there/i.test(await ada.page.getByRole("main").innerText()),
    );
    world.tell(`chip: ${(await ada.chip.innerText()).replace(/\s+/g, " ")}`);
    assert.equal(await ada.shown(), "the plan\n");
    await writeFile(world.hive.path("Trip/plan.md"), "the plan\nis back\n");
    await ada.page.reload();
  },
);
