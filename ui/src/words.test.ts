import { describe, expect, it } from "vitest";
import { eta, names, size, soon, until, when } from "./words";

const NOW = new Date(2026, 10, 21, 15, 0).getTime();
const MIN = 60_000;
const HOUR = 60 * MIN;
const DAY = 24 * HOUR;

describe("words", () => {
  it("tells sizes as file managers do", () => {
    const told = [0, 1, 999, 1000, 9949, 10_000, 999_499, 999_500, 48_230_000, 412e9].map(size);
    expect(told).toEqual(
      "0 bytes|1 byte|999 bytes|1.0 KB|9.9 KB|10 KB|999 KB|1.0 MB|48 MB|412 GB".split("|"),
    );
    expect(size(null)).toBe("");
  });

  it("tells moments to come with their day", () => {
    expect(soon(NOW + HOUR, NOW)).toMatch(/^\d+:00/);
    expect(soon(NOW + 17 * HOUR, NOW)).toMatch(/^tomorrow, \d+:00/);
    expect(soon(NOW + 41 * HOUR, NOW)).toMatch(/2026, \d+:00/);
  });

  it("tells times relative within a week", () => {
    expect(when(null, NOW)).toBe("never");
    expect(when(NOW - 5000, NOW)).toBe("just now");
    expect(when(NOW - 4 * MIN, NOW)).toBe("4 min ago");
    expect(when(NOW - 3 * HOUR, NOW)).toMatch(/^today, /);
    expect(when(NOW - 20 * HOUR, NOW)).toMatch(/^yesterday, /);
    expect(when(NOW - 3 * DAY, NOW)).toBe("3 days ago");
    expect(when(NOW - 30 * DAY, NOW)).toMatch(/2026/);
  });

  it("tells ends", () => {
    expect(until(null, NOW)).toBe("no end");
    expect(until(NOW - 1, NOW)).toBe("ended");
    expect(until(NOW + 30_000, NOW)).toBe("ends in 1 min");
    expect(until(NOW + 5 * HOUR, NOW)).toBe("ends in 5 h");
    expect(until(NOW + 30 * DAY, NOW)).toBe("ends in 30 days");
  });

  it("tells what is left only when it means something", () => {
    expect([NaN, 0, 20, 240, 4000, 9000].map(eta)).toEqual([
      "",
      "",
      "less than a minute",
      "about 4 min",
      "about 1 h",
      "about 3 h",
    ]);
  });

  it("lists names", () => {
    expect(names(["Ana"])).toBe("Ana");
    expect(names(["Ana", "Bo"])).toBe("Ana and Bo");
    expect(names(["Ana", "Bo", "Cleo", "Dora"])).toBe("Ana, Bo and 2 others");
  });
});
