import { describe, expect, it } from "vitest";
import type { Member } from "../wire/hives";
import { Filled, heldBack, howFar, pace, seen, shareTold, toGo, whoAndWhere } from "./say";

const NOW = new Date(2026, 10, 21, 15, 0).getTime();
const bo: Member = {
  hive: "bo",
  name: "Bo",
  hue: 4,
  device: "laptop",
  right: "edit",
  state: "member",
  self: false,
  founder: false,
  friend: true,
  groups: [],
  online: true,
  path: "lan",
  away: null,
  last_seen_at: NOW,
  in_sync: false,
  files_to_go: 3,
  bytes_to_go: 12_000_000,
  speed: 2_100_000,
  seconds_left: 240,
  known_at: null,
};

describe("what is said of friends", () => {
  it("tells where a hive is", () => {
    expect(seen(bo, NOW)).toBe("online, this network");
    expect(seen({ online: false, path: null, last_seen_at: null }, NOW)).toBe("not seen yet");
    expect(seen({ online: false, path: null, last_seen_at: NOW - 5 * 60_000 }, NOW)).toBe(
      "last seen 5 min ago",
    );
  });

  it("tells how far a member is, and hides what is not known", () => {
    expect(howFar(bo, NOW).text).toBe("3 files, 12 MB to go, 2.1 MB/s, about 4 min left");
    expect(howFar({ ...bo, speed: null }, NOW).text).toBe("3 files, 12 MB to go");
    expect(howFar({ ...bo, in_sync: true }, NOW)).toEqual({ text: "In step", tone: "good" });
    const unknown = { ...bo, in_sync: null, files_to_go: null, bytes_to_go: null };
    expect(howFar(unknown, NOW).text).toBe("Comparing");
    expect(howFar({ ...bo, paused: { since_at: NOW, until_at: null } }, NOW).text).toBe(
      "Paused until you resume.",
    );
  });

  it("says of a hive that is away what happens next", () => {
    const away = { ...bo, online: false, last_seen_at: NOW - 120_000 };
    expect(howFar(away, NOW).text).toBe(
      "3 files, 12 MB to go. Last seen 2 min ago. It goes on when that hive is back.",
    );
  });

  it("says when something was heard of a hive that is away", () => {
    const known_at = NOW - 60 * 60_000;
    const away = { ...bo, online: false, path: null, last_seen_at: null, known_at };
    expect(howFar(away, NOW).text).toMatch(/^3 files, 12 MB to go, as was heard today/);
    expect(howFar({ ...away, in_sync: true }, NOW).text).toMatch(/^In step, as was heard today/);
  });

  it("tells of those who are no members", () => {
    for (const state of ["offered", "left", "removed"] as const)
      expect(howFar({ ...bo, state }, NOW).tone).toBe("soft");
  });

  it("sums up a share", () => {
    expect(shareTold([{ ...bo, self: true }])).toBeNull();
    expect(shareTold([bo])?.text).toBe("Going out to Bo");
    expect(shareTold([{ ...bo, online: false }])?.text).toBe("Waits for Bo");
    const refuses = { ...bo, online: false, away: "It does not know this hive." };
    expect(shareTold([refuses])?.text).toBe("Not in step with Bo. It does not know this hive.");
    expect(shareTold([{ ...bo, in_sync: true }])?.text).toBe("In step with Bo");
  });

  it("leaves out numbers that are not known", () => {
    expect([toGo(null, null), toGo(0, 0), toGo(1, null)]).toEqual(["", "", "1 file to go"]);
    expect([pace(null, 5), pace(1000, null)]).toEqual(["", "1.0 KB/s"]);
  });

  it("fills a bar from the most that was ever to go", () => {
    const filled = new Filled();
    expect(filled.of("a", null)).toBeNull();
    expect(filled.of("a", 100)).toBe(0);
    expect(filled.of("a", 25)).toBe(0.75);
    expect(filled.of("a", 0)).toBeNull();
    expect(filled.of("a", 10)).toBe(0);
  });

  it("names people with their device", () => {
    const by = { id: "bo", name: "Bo", hue: 4 };
    expect(whoAndWhere({ by, device: "laptop" })).toBe("Bo on laptop");
    expect(whoAndWhere({ by, device: "Bo's hive" })).toBe("Bo's hive");
    expect(whoAndWhere({ by, device: "", guest: "Cleo" })).toBe("Cleo, a guest of Bo");
    expect(whoAndWhere({ by: null })).toBe("Somebody");
  });

  it("asks about mass deletions from either end", () => {
    expect(heldBack(null)).toBeNull();
    expect(heldBack({ own: 0, friends: 0, deletions: 0 })).toBeNull();
    const own = heldBack({ own: 1200, friends: 0, deletions: 1200 });
    expect(own?.confirm).toContain("everywhere");
    const theirs = heldBack({ own: 0, friends: 9, deletions: 9 });
    expect(theirs?.confirm).toBe("Remove 9 files and folders here");
  });
});
