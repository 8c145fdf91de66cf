import { describe, expect, it } from "vitest";
import { Pending } from "./pending";
import { applied, rebase } from "./rebase";

const check = (base: string, mine: string, theirs: string, after: string) =>
  expect(applied(theirs, rebase(base, mine, theirs))).toBe(after);

describe("rebase", () => {
  it("puts one's own edit into the other text", () => {
    check("one two three", "one two, three", "zero one two three", "zero one two, three");
    check("a\nb\nc\n", "a\nb more\nc\n", "a\nb\nc\nd\n", "a\nb more\nc\nd\n");
  });

  it("keeps a space at the join", () => {
    check(
      "# Trip to Lisbon KEPT\n\nWe meet",
      "# Trip to Lisbon KEPT UNSENT\n\nWe meet",
      "# Great trip to Lisbon KEPT\n\nWe meet",
      "# Great trip to Lisbon KEPT UNSENT\n\nWe meet",
    );
  });

  it("never doubles what the hive had stored already", () => {
    check("start", "start typed", "start typed", "start typed");
    check("start", "start typed", "start ty", "start typed");
    check("start\nend", "start typed\nend", "start typed\nthe end", "start typed\nthe end");
    check("KEPT\nx", "KEPT UNSENT\nx", "KEPT UN\ny", "KEPT UNSENT\ny");
    check(
      "# Trip KEPT\n\nWe",
      "# Trip KEPT UNSENT\n\nWe",
      "# Great trip KEPT \n\nWe",
      "# Great trip KEPT UNSENT\n\nWe",
    );
  });

  it("does nothing when nothing was written", () => {
    expect(rebase("same", "same", "other")).toEqual([]);
  });

  it("keeps deletions and lone carriage returns", () => {
    check("a\rb gone c", "a\rb c", "x a\rb gone c", "x a\rb c");
  });
});

describe("pending", () => {
  it("tells one's own edits from those of others", () => {
    const pending = new Pending("hello world");
    pending.own([{ retain: 5 }, { insert: "," }]);
    pending.others([{ insert: ">> " }]);
    pending.own([{ retain: 15 }, { insert: "!" }]);
    expect(pending.any).toBe(true);
    expect(pending.mine).toBe(">> hello, world!");
    expect(pending.base).toBe(">> hello world");
  });

  it("forgets what is stored and what was taken back", () => {
    const pending = new Pending("abc");
    pending.own([{ retain: 1 }, { delete: 1 }]);
    pending.stored();
    expect(pending.any).toBe(false);
    expect(pending.base).toBe("ac");
  });

  it("survives random edits of both sides", () => {
    let seed = 7;
    const chance = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
    for (let round = 0; round < 200; round += 1) {
      let mine = "The quick brown fox\njumps over the lazy dog.\n";
      const pending = new Pending(mine);
      for (let turn = 0; turn < 12; turn += 1) {
        const at = chance(mine.length);
        const gone = chance(3) === 0 ? Math.min(2, mine.length - at) : 0;
        const insert = gone ? "" : "ab\r".slice(0, 1 + chance(3));
        const delta = [{ retain: at }, ...(gone ? [{ delete: gone }] : [{ insert }])];
        mine = mine.slice(0, at) + insert + mine.slice(at + gone);
        if (chance(2)) pending.own(delta);
        else pending.others(delta);
        expect(pending.mine).toBe(mine);
      }
      expect(applied(pending.base, rebase(pending.base, pending.mine, pending.base))).toBe(mine);
    }
  });
});

describe("what waited when the page was left", () => {
  it("is the same change again, as so many edits", () => {
    const pending = Pending.again("one two three", "zero one 2 three!", 2);
    expect([pending.base, pending.mine, pending.edits]).toEqual([
      "one two three",
      "zero one 2 three!",
      2,
    ]);
    expect(Pending.again("same", "same", 2).any).toBe(false);
  });

  it("counts what is typed in one go as one edit", () => {
    const pending = new Pending("");
    pending.own([{ insert: "a" }], 1000);
    pending.own([{ retain: 1 }, { insert: "b" }], 1100);
    expect(pending.edits).toBe(1);
    pending.own([{ insert: "c" }], 5000);
    expect(pending.edits).toBe(2);
    pending.stored();
    expect(pending.edits).toBe(0);
  });
});
