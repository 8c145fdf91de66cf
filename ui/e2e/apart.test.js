// One document on two hives: programs type, files are saved, hives are killed and come back. In
// the end both have the same text, and everything that was said to be saved is in it once.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { readFile, writeFile, rename } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { another, at, equal } from "./hives.js";
import { Program } from "./program.js";
import { story } from "./story.js";
import { until } from "./until.js";

/** The same numbers for the same seed (mulberry32). */
function chanceOf(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below) | 0;
  };
}

/** A port that a hive may keep over restarts, so that its friend finds it again. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return String(port);
}

const SEED = Number(process.env.SKEP_SEED ?? 4);
const STEPS = Number(process.env.SKEP_STEPS ?? 40);

story("two hives and one document, together and apart", { idle: true }, async (world) => {
  world.tell(`SKEP_SEED=${SEED}`);
  const chance = chanceOf(SEED);
  const { hive: ada } = await another(world, "Ada", {
    settings: { SKEP_PEERS_PORT: await freePort() },
  });
  await ada.put({ "Notes/plan.md": "begin\nmiddle\nend\n" });
  await ada.share("Notes", "--view");
  const { link } = await ada.json("friend", "invite", "--share", ada.path("Notes"), "--edit");
  const { hive: bo } = await another(world, "Bo", {
    settings: { SKEP_PEERS_PORT: await freePort() },
  });
  await bo.skep("join", link, bo.path("Notes"));
  await equal(ada, bo, "Notes/plan.md");
  const hives = [ada, bo];
  const yjs = [];
  for (const hive of hives) yjs.push((await hive.share("Notes/plan.md", "--edit")).yjs);
  const programs = [null, null];
  world.later(() => programs.forEach((program) => program?.leave()));
  const typed = [];
  const awaited = [];
  let count = 0;
  // Each hive in lines of its own: what is written into one line apart needs a person's choice.
  const place = (side, text) => {
    const [first, middle, last] = text.split("\n");
    const before = side ? first.length + middle.length + 2 : 0;
    return before + chance((side ? last : first).length + 1);
  };
  const steps = {
    /** An edit counts once it stands in the file of the hive that took it. */
    async type(side) {
      if (!hives[side].running) return;
      if (!programs[side] || programs[side].closed.includes(4409)) {
        programs[side]?.leave();
        programs[side] = new Program(yjs[side], `p${side}`);
      }
      const program = programs[side];
      const synced = await program.synced().catch(() => false);
      if (!synced) return;
      const mark = String.fromCodePoint(0x4e00 + count++);
      program.content.insert(place(side, program.text), mark);
      const stands = async () => (await at(hives[side], "Notes/plan.md"))?.includes(mark);
      const saved = until("it is in the file", stands, { within: 4_000 });
      awaited.push(
        saved.then(
          () => typed.push(mark),
          () => undefined,
        ),
      );
    },
    async save(side) {
      const path = hives[side].path("Notes/plan.md");
      const read = () => readFile(path, "utf8").catch(() => null);
      const text = await read();
      if (text === null) return;
      const mark = String.fromCodePoint(0x4e00 + count++);
      const where = place(side, text);
      await writeFile(`${path}.new~`, text.slice(0, where) + mark + text.slice(where));
      // A program that writes over what came in since it read would take that back.
      if ((await read()) !== text) return;
      await rename(`${path}.new~`, path);
      typed.push(mark);
    },
    async leave(side) {
      programs[side]?.leave();
      programs[side] = null;
    },
    async away(side) {
      await hives[side].stop();
    },
    async kill(side) {
      await hives[side].kill();
    },
    async back(side) {
      if (!hives[side].running) await hives[side].start();
    },
    async rest() {
      await pause(chance(600));
    },
  };
  const kinds = [
    "type",
    "type",
    "type",
    "type",
    "save",
    "leave",
    "away",
    "kill",
    "back",
    "back",
    "rest",
  ];
  for (let step = 0; step < STEPS; step++) {
    const kind = kinds[chance(kinds.length)];
    const side = chance(2);
    await steps[kind](side);
  }
  for (const hive of hives) if (!hive.running) await hive.start();
  await Promise.all(awaited);
  let texts;
  const once = (text, mark) => text.split(mark).length === 2;
  await until("both hold everything, once", async () => {
    texts = await Promise.all(hives.map((hive) => at(hive, "Notes/plan.md")));
    return texts[0] === texts[1] && typed.every((mark) => texts[0].includes(mark));
  }).catch((cause) => {
    const lost = typed.filter((mark) => !texts.every((text) => text.includes(mark)));
    throw new Error(`lost ${lost} in\n${texts.join("\n----\n")}`, { cause });
  });
  const doubled = typed.filter((mark) => !once(texts[0], mark));
  assert.deepEqual(doubled, [], texts[0]);
  world.tell(`${typed.length} of ${count} edits counted`);
});
