import { expect, test } from "vitest";
import {
  change,
  copyName,
  lineStrokes,
  makers,
  pace,
  placeOf,
  shown,
  textAt,
  type Past,
} from "./past";

const author = (name: string) => ({
  by: { id: name, name, hue: 1 },
  guest: null,
  device: "",
  how: "typed" as const,
});

const past: Past = {
  moments: [1000, 2000, 3000].map((at) => ({ at, began: at, name: null, version: null })),
  strokes: [
    { moment: 0, author: 0, added: 10, removed: 0 },
    { moment: 1, author: 1, added: 1, removed: 2 },
    { moment: 1, author: 0, added: 5, removed: 0 },
    { moment: 2, author: 1, added: 0, removed: 4 },
  ],
  authors: [author("Ana"), author("Ben")],
  runs: [
    { text: "eins\nzw", born: 0 },
    { text: "ei", born: 0, died: 1 },
    { text: "o", born: 1 },
    { text: "\n", born: 0 },
    { text: "drei\n", born: 2, died: 3 },
  ],
};

test("a moment is made of what had come and not gone", () => {
  expect(textAt(past, 0)).toBe("eins\nzwei\n");
  expect(textAt(past, 1)).toBe("eins\nzwo\ndrei\n");
  expect(textAt(past, 2)).toBe("eins\nzwo\n");
});

test("a comparison shows what went and what came", () => {
  const { text, pieces } = shown(past, 0, true);
  expect(text).toBe("eins\nzweio\n");
  const of = (fate: string) =>
    pieces.filter((one) => one.fate === fate).map((one) => text.slice(one.from, one.to));
  expect(of("went")).toEqual(["ei"]);
  expect(of("came")).toEqual(["o"]);
  expect(shown(past, 2, true).pieces.every((one) => one.fate === "stays")).toBe(true);
});

test("lines tell their newest stroke", () => {
  expect(lineStrokes(shown(past, 1))).toEqual([0, 1, 2, -1]);
  expect(lineStrokes(shown(past, 0))).toEqual([0, 0, -1]);
  expect(lineStrokes({ text: "", pieces: [] })).toEqual([-1]);
});

test("moments are found by time, and tell their makers", () => {
  expect([0, 1000, 2999, 9999].map((at) => placeOf(past, at))).toEqual([0, 0, 1, 2]);
  expect(makers(past, 1).map((one) => one.by?.name)).toEqual(["Ben", "Ana"]);
});

test("neighbours differ by one change", () => {
  for (const [before, after] of [
    ["abc", "abXc"],
    ["", "x"],
    ["aa", "a"],
    ["same", "same"],
  ] as const) {
    const { from, to, insert } = change(before, after);
    expect(before.slice(0, from) + insert + before.slice(to)).toBe(after);
  }
});

test("a past is played in half a minute at most", () => {
  for (const moments of [1, 10, 400, 10_000]) {
    const { every, step } = pace(moments);
    expect((moments / step) * every).toBeLessThanOrEqual(45_000);
    expect(every).toBeGreaterThanOrEqual(60);
  }
});

test("copies are named after their moment", () => {
  const at = new Date(2026, 10, 5, 9, 3, 7).getTime();
  expect(copyName("plan.md", at)).toBe("plan (2026-11-05 09.03.07).md");
  expect(copyName(".env", at)).toBe(".env (2026-11-05 09.03.07)");
});
