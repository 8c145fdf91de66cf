import { describe, expect, it } from "vitest";
import type { TwoVersions } from "../wire/hives";
import type { Person } from "../wire/types";
import { authors, byRule, newer, nextAfter, piles, standing } from "./choose";

const ana: Person = { id: "ana", name: "Ana", hue: 1 };
const bo: Person = { id: "bo", name: "Bo", hue: 4 };
const item = (file: string, first: [Person, number], second: [Person, number]) =>
  ({
    file,
    share: "s",
    share_name: "Trip",
    path: `${file}.md`,
    type: "text",
    sides: [first, second].map(([by, at], n) => ({
      hash: `${n}`,
      at,
      by,
      device: `${by.name} desk`,
      guest: null,
      size: at,
    })),
    mergeable: true,
    base: true,
  }) satisfies TwoVersions;

const list = [
  item("a", [ana, 5], [bo, 9]),
  item("b", [bo, 7], [ana, 2]),
  item("c", [bo, 1], [bo, 2]),
];

describe("two versions", () => {
  it("knows which is newer", () => {
    expect(list.map(newer)).toEqual(["second", "first", "second"]);
    expect(standing(list[0]!.sides[1]!, list[0]!.sides[0]!)).toBe("newer, larger");
  });

  it("chooses many by a rule, and leaves alone what the rule does not reach", () => {
    const of = (hive: string) => list.map((one) => byRule(one, { by: "hive", hive })?.keep ?? null);
    expect(of("ana")).toEqual(["first", "second", null]);
    expect(of("bo")).toEqual(["second", "first", "second"]);
    expect(list.map((one) => byRule(one, { by: "both" })?.keep)).toEqual(["both", "both", "both"]);
  });

  it("names the authors, most versions first", () => {
    expect(authors(list).map((one) => one.name)).toEqual(["Bo", "Ana"]);
  });

  it("goes on with the next, or with the last that is left", () => {
    expect(nextAfter(list, "a", new Set(["a"]))).toBe("b");
    expect(nextAfter(list, "c", new Set(["c"]))).toBe("b");
    expect(nextAfter(list, "b", new Set(["b", "c"]))).toBe("a");
    expect(nextAfter(list, "a", new Set(["a", "b", "c"]))).toBeUndefined();
  });

  it("piles them by share", () => {
    const other = { ...list[0]!, share: "t", share_name: "Art" };
    expect(piles([...list, other]).map((pile) => [pile.name, pile.items.length])).toEqual([
      ["Art", 1],
      ["Trip", 3],
    ]);
  });
});
