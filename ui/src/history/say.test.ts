import { describe, expect, it } from "vitest";
import type { Damaged, Scrub, Trashed, Version } from "../wire/hives";
import { beforeOf, byDay, dayOf, daysLeft, fieldOf, moments, putBackTold, scrubTold } from "./say";

const NOW = new Date(2026, 10, 21, 15, 0).getTime();
const HOUR = 3_600_000;
const version = (hash: string, at: number, kept = true): Version => ({
  id: at,
  at,
  by: null,
  device: "",
  guest: null,
  size: 1,
  hash,
  name: null,
  pinned: false,
  current: false,
  kept,
  verb: "changed",
});
const gone: Trashed = {
  file: "f",
  path: "f",
  name: "f",
  kind: "file",
  size: 1,
  files: 1,
  gone_at: NOW,
  by: null,
  device: "",
  days_left: 29,
  kept: true,
};

describe("history", () => {
  it("puts versions under their day, newest first", () => {
    const all = [version("a", NOW - 40 * HOUR), version("b", NOW - HOUR), version("c", NOW - 1)];
    expect(byDay(all, NOW).map((day) => [day.name, day.versions.map((one) => one.hash)])).toEqual([
      ["Today", ["c", "b"]],
      [dayOf(NOW - 40 * HOUR, NOW), ["a"]],
    ]);
    expect(dayOf(NOW - 24 * HOUR, NOW)).toBe("Yesterday");
    expect(dayOf(NOW - 400 * 24 * HOUR, NOW)).toContain("2025");
  });

  it("compares with the version before that is still here", () => {
    const all = [version("a", 1), version("b", 2, false), version("c", 3)];
    expect(beforeOf(all[2]!, all)?.hash).toBe("a");
    expect(beforeOf(all[0]!, all)).toBeUndefined();
  });

  it("counts the days in the trash", () => {
    const told = [29, 1, 0].map((days_left) => daysLeft({ ...gone, days_left }));
    expect(told).toEqual(["29 days left", "1 day left", "goes today"]);
    expect(daysLeft({ ...gone, kept: false })).toContain("not all");
  });

  it("offers only times that have been", () => {
    const early = new Date(2026, 10, 21, 6, 0).getTime();
    expect(moments(early).map((one) => one.label)).not.toContain("This morning, 8:00");
    for (const one of moments(NOW)) expect(one.at).toBeLessThan(NOW);
    expect(new Date(fieldOf(NOW)).getTime()).toBe(NOW);
  });

  it("tells what putting back did", () => {
    expect(putBackTold({ restored: 0, removed: 0, missing: 0 })).toBe(
      "Nothing differed from then.",
    );
    expect(putBackTold({ restored: 3, removed: 1, missing: 0 })).toBe(
      "3 files brought back, 1 newer file moved to the trash.",
    );
    expect(putBackTold({ restored: 0, removed: 0, missing: 1 })).toContain("no longer kept");
  });

  it("tells how the look at all files went", () => {
    const it: Scrub = {
      running: false,
      began_at: NOW - HOUR,
      ended_at: NOW,
      files: 2,
      bytes: 1500,
      of_files: 2,
      of_bytes: 1500,
      skipped: 0,
      pieces: 0,
      damaged: [],
    };
    const one = { path: "a", healed: false } as Damaged;
    expect(scrubTold({ ...it, ended_at: null })).toContain("not been looked through yet");
    expect(scrubTold(it)).toBe("2 files, 1.5 KB, all as saved.");
    expect(scrubTold({ ...it, damaged: [one] })).toContain("of which 1 not as saved");
    expect(scrubTold({ ...it, damaged: [{ ...one, healed: true }], skipped: 1 })).toBe(
      "2 files, 1.5 KB, all as saved again. 1 file was just being changed.",
    );
  });
});
