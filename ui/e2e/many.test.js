// Much of everything, and the other direction of reading: lists stay short, nothing overlaps.

import assert from "node:assert/strict";
import { FILES, joined, opensShare } from "./hives.js";
import { story } from "./story.js";
import { until } from "./until.js";

const hiveOf = (n) => String(n).padStart(52, "a");
const NOW = Date.now();

const friend = (n) => ({
  hive: hiveOf(n),
  name: `Friend ${n}`,
  own_name: `Friend ${n}`,
  hue: n % 12,
  device: `laptop ${n}`,
  online: n % 3 === 0,
  path: n % 3 === 0 ? ["lan", "direct", "relay"][n % 9 === 0 ? 0 : n % 2 ? 1 : 2] : null,
  away: null,
  last_seen_at: NOW - n * 60_000,
  added_at: NOW,
  muted: false,
  auto_accept: false,
  up_kb: 0,
  down_kb: 0,
  phrase: ["one", "two", "three", "four"],
  groups: [],
  shares: [],
  paused: null,
});

const version = (n) => ({
  id: n,
  at: NOW - n * 60_000,
  by: { id: hiveOf(1), name: "Bo", hue: 4 },
  device: "laptop",
  guest: null,
  size: n,
  hash: hiveOf(n),
  name: null,
  pinned: false,
  current: n === 0,
  kept: true,
  verb: "changed",
});

const trashed = (n) => ({
  file: `f${n}`,
  path: `folder/file ${n}.txt`,
  name: `file ${n}.txt`,
  kind: "file",
  size: n,
  files: 1,
  gone_at: NOW - n * 1000,
  by: { id: hiveOf(1), name: "Bo", hue: 4 },
  device: "laptop",
  days_left: 29,
  kept: true,
});

const list = (length, make) => Array.from({ length }, (_, n) => make(n));

/** Answers a call of the API with what no test could wait for. */
const tells = (page, path, what) =>
  page.route(`**/api/v1/${path}`, (route) =>
    route.request().method() === "GET" ? route.fulfill({ json: what }) : route.fallback(),
  );

story("500 friends, 10,000 versions, a full trash", { files: FILES }, async (world) => {
  await world.hive.share("Trip", "--view");
  const ada = await world.owner();
  const { page } = ada;
  await tells(page, "friends", list(500, friend));
  await ada.opens(`${world.hive.url}/app/friends`);
  const friends = page.getByRole("list", { name: "Friends", exact: true });
  await friends.getByText("Friend 3", { exact: true }).waitFor();
  const rows = (of) => of.getByRole("listitem").count();
  assert.equal(await rows(friends), 100);
  await page.getByLabel("Search friends by name").fill("friend 499");
  await friends.getByText("Friend 499", { exact: true }).waitFor();
  assert.equal(await rows(friends), 1);
  await page.getByRole("button", { name: "Settings for Friend 499" }).click();
  await page.getByRole("dialog", { name: "Friend 499" }).waitFor();
  await page.keyboard.press("Escape");

  await ada.opens(world.hive.url);
  await page.getByRole("button", { name: "Share Trip" }).click();
  const sheet = page.getByRole("dialog", { name: "Share “Trip”" });
  await sheet.getByText("476 friends more.").waitFor();
  await sheet.getByLabel("Search friends by name").fill("laptop 321");
  await sheet.getByRole("button", { name: "Friend 321" }).waitFor();
  await page.keyboard.press("Escape");

  await tells(page, "files/*/versions", list(10_000, version));
  await ada.opens(await world.fileUrl("Trip/packing.md"));
  await ada.button("History").click();
  await page.getByRole("button", { name: "Show more of 10,000" }).waitFor();
  const versions = page.getByRole("button", { name: /Bo on laptop changed it/ });
  assert.equal(await versions.count(), 200);

  const [share] = await world.hive.json("ls");
  await tells(page, "shares/*/trash", list(10_000, trashed));
  await ada.opens(`${world.hive.url}/app/trash/${share.id}`);
  const trash = page.getByRole("list", { name: "Removed files" });
  await page.getByText("10,000 items").waitFor();
  assert.equal(await rows(trash), 200);
  await page.getByLabel("Search the trash by name").fill("file 9999");
  await until("one is found", async () => (await rows(trash)) === 1);
});

/** Things to press or to write into that lie over each other, and what is wider than the window. */
const clashes = (page) =>
  page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - innerWidth;
    const seen = [...document.querySelectorAll("a, button, input, select, textarea, h1, h2")]
      .map((one) => ({ one, box: one.getBoundingClientRect() }))
      .filter(({ one, box }) => {
        if (!one.checkVisibility({ visibilityProperty: true }) || !box.width || !box.height)
          return false;
        const x = box.left + box.width / 2;
        const y = box.top + box.height / 2;
        const top = document.elementFromPoint(x, y);
        const inside = x >= 0 && y >= 0 && x <= innerWidth && y <= innerHeight;
        return inside && top && (one.contains(top) || top.contains(one));
      });
    const name = ({ one }) => one.getAttribute("aria-label") ?? one.textContent.trim();
    if (seen.length < 2) return ["next to nothing is shown"];
    const found = wide > 0 ? [`${wide} px too wide`] : [];
    for (const [at, a] of seen.entries()) {
      for (const b of seen.slice(at + 1)) {
        if (a.one.contains(b.one) || b.one.contains(a.one)) continue;
        const x = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
        const y = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
        if (x > 2 && y > 2) found.push(`${name(a)} lies over ${name(b)}`);
      }
    }
    return found;
  });

story("from right to left nothing overlaps", { files: FILES }, async (world) => {
  const { ada } = await joined(world);
  const { page } = ada;
  await page.addInitScript(() => {
    document.addEventListener("DOMContentLoaded", () => (document.documentElement.dir = "rtl"));
  });
  const found = [];
  const look = async (name) => {
    for (const width of [320, 768, 1280]) {
      await page.setViewportSize({ width, height: width < 640 ? 640 : 800 });
      found.push(...(await clashes(page)).map((words) => `${name}, ${width} px: ${words}`));
    }
  };
  await ada.opens(world.hive.url);
  await page.getByRole("button", { name: "Share Trip" }).waitFor();
  await look("home");
  await ada.opens(`${world.hive.url}/app/friends`);
  await ada.button("Settings for Bo").waitFor();
  await look("friends");
  await ada.button("Settings for Bo").click();
  await page.getByRole("dialog").waitFor();
  await look("a friend");
  await ada.opens(`${world.hive.url}/app/settings`);
  await page.getByLabel("To all friends").waitFor();
  await page.getByRole("heading", { name: "Facts" }).waitFor();
  await look("settings");
  await opensShare(ada, world.hive);
  await page.getByRole("button", { name: /^Members/ }).click();
  await page.getByRole("list", { name: "Members of Trip" }).waitFor();
  await look("members");
  const share = page.url().split("/").at(-1);
  for (const part of ["trash", "rules"]) {
    await ada.opens(`${world.hive.url}/app/${part}/${share}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await look(part);
  }
  await ada.opens(await world.fileUrl("Trip/packing.md"));
  await ada.button("History").click();
  await page.getByRole("button", { name: /added it/ }).waitFor();
  await look("history");
  assert.deepEqual(found, []);
});
