// The real app on a little desktop: what a person does with tray, window and a second start.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { Driver } from "./webdriver.mjs";
import { World, until } from "./world.mjs";

const TITLE = "Skep";

/** Runs a story on a desktop of its own. */
function story(name, options, tell) {
  test(name, async () => {
    const world = await World.make(options);
    try {
      await tell(world);
    } catch (error) {
      console.error(world.said);
      await picture(world, name);
      throw error;
    } finally {
      await world.end();
    }
  });
}

/** Keeps what the window showed when a story failed. */
async function picture(world, name) {
  const file = join(tmpdir(), `${name.replaceAll(/\W+/g, "-")}.png`);
  await Promise.resolve(world.page?.picture())
    .then((bytes) => writeFile(file, bytes))
    .then(
      () => console.error(`What the window showed: ${file}`),
      () => undefined,
    );
}

const inTray = (world) => until("an icon in the tray", () => world.tray.count > 0);
const line = (world, words) =>
  until(`the menu says ${words}`, async () =>
    (await world.tray.labels()).find((label) => words.test(label)),
  );

story("the first start leads to a copied link", {}, async (world) => {
  await writeFile(join(world.folder, "Trip", "plan.md"), "# Plan\n");
  const page = await Driver.start(world);
  await page.press("Start my hive");
  await page.type("//input[@autocomplete='name']", "Ada");
  await page.press("Continue");
  await page.find("//h1[contains(., 'Where may friends reach you')]");
  await page.press("Continue");
  await page.find("//h1[contains(., 'share first')]");

  // A file manager's drop arrives through the shell, as this event.
  const drop = "dispatchEvent(new CustomEvent('skep:drop', { detail: { paths: arguments[0] } }))";
  await page.script(drop, [join(world.folder, "Trip")]);
  const field = await page.find("//input[@aria-label='Link to Trip']");
  const link = await until("a link", () =>
    page.script("return arguments[0].value", { "element-6066-11e4-a52e-4f735466cecf": field }),
  );
  assert.match(link, /^http:\/\/[^/]+\/l\/[a-z0-9]{10}#.+/);

  await line(world, /^Copy link to “Trip”$/);
  await world.tray.click("Copy link to “Trip”");
  await line(world, /^Trip: up to date$/);
  const download = `const link = document.createElement("a");
    link.href = "/api/v1/openapi.json";
    link.download = "api.json";
    document.body.append(link);
    link.click();`;
  await page.script(download);
  await until("the download", async () =>
    (await world.read("home/Downloads/api.json")).includes("openapi"),
  );
  await page.script("location.assign('http://192.0.2.1/elsewhere')");
  await until("the browser has it", async () => (await world.read("opened")).includes("192.0.2.1"));
  assert.ok((await page.url()).startsWith(world.address), "the window stays with the hive");
  assert.equal(await page.script("return typeof window.__TAURI__"), "undefined");
  await page.end();
});

story("the tray's menu pauses, reopens and quits", {}, async (world) => {
  const app = world.app();
  await world.hive();
  await inTray(world);
  await world.window(TITLE);
  const labels = await world.tray.labels();
  for (const label of [
    "Nobody else is here",
    "Open Skep",
    "Share a folder…",
    "Copy link",
    "Recent",
    "Folders",
    "Pause",
    "Open at login",
    "Quit (stop sharing)",
  ]) {
    assert.ok(labels.includes(label), `${label} in ${labels}`);
  }
  assert.match((await world.tray.property("ToolTip"))[3], /Up to date/);

  await world.tray.click("Until I resume");
  await line(world, /^Resume$/);
  await line(world, /^Paused/);
  await world.tray.click("Resume");
  await line(world, /^Until I resume$/);

  await world.closeWindow(TITLE);
  await world.noWindow(TITLE);
  assert.ok(await world.answers(), "closing the window keeps the hive");
  await world.tray.activate();
  await world.window(TITLE);

  await world.tray.click("Open at login");
  await until("a login entry", async () =>
    /--hidden/.test(await world.read("home/.config/autostart/Skep.desktop")),
  );

  await world.tray.click("Quit (stop sharing)");
  assert.equal(await app.ended, 0);
  assert.ok(!(await world.answers()), "the port is free");
});

story("a second start opens the first one's window", {}, async (world) => {
  const first = world.app("--hidden");
  await inTray(world);
  await world.hive();
  assert.deepEqual(
    (await world.windows()).filter((title) => title === TITLE),
    [],
  );

  assert.equal(await world.app().ended, 0);
  await world.window(TITLE);

  assert.equal(await world.app("skep://192.0.2.7:7537/l/abcdefghij#secret").ended, 0);
  await until("the link is followed", async () =>
    (await world.read("opened")).includes("http://192.0.2.7:7537/l/abcdefghij#secret"),
  );

  assert.equal(await world.app("Trip").ended, 0);
  await line(world, /^Trip: up to date$/);
  first.kill("SIGTERM");
  assert.equal(await first.ended, 0);
});

story(
  "without a tray the window opens, and a tray that comes later is used",
  { tray: false },
  async (world) => {
    const app = world.app("--hidden");
    await world.window(TITLE);
    await world.closeWindow(TITLE);
    await world.window("Keep sharing?");
    await world.addTray();
    await inTray(world);
    await world.tray.click("Quit (stop sharing)");
    assert.equal(await app.ended, 0);
  },
);

story("a taken port is said in a window, and trying again helps", {}, async (world) => {
  const other = createServer().listen(world.port, "127.0.0.1");
  await until("the port is taken", () => other.listening);
  const page = await Driver.start(world);
  const words = await page.find("//p[@id='what' and contains(., 'in use by another program')]");
  assert.ok(words);
  assert.deepEqual(await world.windows(), ["Skep could not start"]);
  await new Promise((resolve) => other.close(resolve));
  await page.press("Try again");
  await world.hive();
  await world.window(TITLE);
});

story("a hive that runs already is shown, and goes on after quitting", {}, async (world) => {
  const hive = world.spawn(process.env.SKEP_BIN, ["serve"]);
  await world.hive();
  const app = world.app();
  await world.window(TITLE);
  await inTray(world);
  await world.tray.click("Quit (keep sharing)");
  assert.equal(await app.ended, 0);
  assert.ok(await world.answers(), "the hive goes on");
  hive.kill("SIGTERM");
  await hive.ended;
});

story("without a display the hive is served headless", {}, async (world) => {
  const app = world.spawn(process.env.SKEP_DESKTOP, [], { DISPLAY: "" });
  await world.hive();
  await until("an address to open", () => app.said.includes(`${world.address}/open#`));
  app.kill("SIGTERM");
  assert.equal(await app.ended, 0);
});
