// Three programs and a disk writer change one text at random while lines break and the hive is
// killed. In the end all have the same text: nothing that was in sync is lost, nothing is doubled.

import assert from "node:assert/strict";
import { readFile, rename, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { Hive } from "./hive.js";
import { Program } from "./program.js";
import { until } from "./until.js";

const ROUNDS = Number(process.env.SKEP_ROUNDS ?? 25);
const SEED = Number(process.env.SKEP_SEED ?? Math.floor(Math.random() * 2 ** 31));
const PROGRAMS = 3;
const STEPS = 12;
const FIRST_LETTER = 0x4e00;
const TAG = /([\u4e00-\u9fff])[abcd]\1/g;

/** mulberry32: small, and the same everywhere. */
function dice(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { below: (most) => Math.floor(next() * most), chance: (part) => next() < part };
}

class Case {
  tags = new Set();
  removed = new Set();
  count = 0;

  constructor(seed) {
    this.dice = dice(seed);
  }

  async begin() {
    this.hive = await Hive.make();
    await this.hive.put({ "text.txt": "begin\n" });
    await this.hive.start();
    const { yjs } = await this.hive.share("text.txt", "--edit");
    this.programs = Array.from({ length: PROGRAMS }, () => new Program(yjs));
    await this.settle();
  }

  get path() {
    return this.hive.path("text.txt");
  }

  /** Begins and ends with a letter of its own, so that every diff finds it whole. */
  tag(who) {
    const own = String.fromCodePoint(FIRST_LETTER + (this.count += 1));
    const tag = own + who + own;
    this.tags.add(tag);
    return tag;
  }

  /** A place in a text that is not inside a tag. */
  place(text) {
    const ends = [...text.matchAll(TAG)].map((found) => found.index + found[0].length);
    const lines = [...text.matchAll(/\n/g)].map((found) => found.index + 1);
    const places = [0, text.length, ...ends, ...lines];
    return places[this.dice.below(places.length)];
  }

  someTag(text) {
    const there = [...text.matchAll(TAG)];
    return there.length ? there[this.dice.below(there.length)] : null;
  }

  edit(program, who) {
    const { text } = program;
    const old = this.dice.chance(0.25) ? this.someTag(text) : null;
    if (old) {
      this.removed.add(old[0]);
      program.content.delete(old.index, old[0].length);
      return;
    }
    const end = this.dice.chance(0.3) ? "\n" : "";
    program.content.insert(this.place(text), this.tag("abc"[who]) + end);
  }

  /** What another program does: reads the file, changes a place, writes it in one of two ways. */
  async write() {
    const text = await readFile(this.path, "utf8");
    const at = this.place(text);
    const next = text.slice(0, at) + this.tag("d") + text.slice(at);
    if (this.dice.chance(0.5)) return writeFile(this.path, next);
    await writeFile(`${this.path}.new`, next);
    await rename(`${this.path}.new`, this.path);
  }

  async step() {
    const what = this.dice.below(100);
    const who = this.dice.below(PROGRAMS);
    const { line } = this.programs[who];
    if (what < 65) this.edit(this.programs[who], who);
    else if (what < 75 && line.shouldConnect) line.disconnect();
    else if (what < 75) line.connect();
    else if (what < 85) await this.settleDisk();
    else await new Promise((done) => setImmediate(done));
  }

  async round() {
    for (let step = 0; step < STEPS; step += 1) await this.step();
    const fate = this.dice.below(10);
    if (fate < 3) {
      await this.hive.kill();
      for (let step = 0; step < 4; step += 1) this.edit(this.programs[step % PROGRAMS], step % 3);
      await this.hive.start();
    }
    await this.settle();
  }

  /** The disk writer's turn: it would lose what it has not read, so the file is quiet then. */
  async settleDisk() {
    if (this.programs.some(({ line }) => !line.shouldConnect)) return;
    await this.settle();
    await this.write();
  }

  async settle() {
    for (const { line } of this.programs) line.connect();
    let texts = [];
    const equal = async () => {
      texts = [...this.programs.map(({ text }) => text), await readFile(this.path, "utf8")];
      const tags = [...this.tags].filter((tag) => !this.removed.has(tag));
      const whole = tags.every((tag) => texts[0].includes(tag));
      return whole && this.programs.every(({ line }) => line.synced) && new Set(texts).size === 1;
    };
    await until("all have the same text", equal, { within: 20_000 }).catch((cause) => {
      const lost = [...this.tags].filter(
        (tag) => !this.removed.has(tag) && !texts[0].includes(tag),
      );
      throw new Error(`${cause.message}; lost ${lost}; ${JSON.stringify(texts)}`);
    });
    for (const tag of this.tags) {
      const times = texts[0].split(tag).length - 1;
      const allowed = this.removed.has(tag) ? [0] : [1];
      assert.ok(allowed.includes(times), `${tag} is there ${times} times in ${texts[0]}`);
    }
  }

  async end() {
    this.programs?.forEach((program) => program.leave());
    await this.hive.remove();
  }
}

test("nothing is lost or doubled, whatever happens", { timeout: 600_000 }, async (t) => {
  t.diagnostic(`SKEP_SEED=${SEED} SKEP_ROUNDS=${ROUNDS}`);
  const one = new Case(SEED);
  try {
    await one.begin();
    for (let round = 0; round < ROUNDS; round += 1) await one.round();
    t.diagnostic(`${one.count} inserts, ${one.removed.size} of them taken out again`);
  } catch (cause) {
    throw new Error(`with SKEP_SEED=${SEED} SKEP_ROUNDS=${ROUNDS}: ${cause.message}`, { cause });
  } finally {
    await one.end();
  }
});
