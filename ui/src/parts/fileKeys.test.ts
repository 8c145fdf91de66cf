import { describe, expect, it } from "vitest";
import { ahead, step, TypedAhead } from "./fileKeys";

describe("keys in a list of files", () => {
  it("moves and stays inside", () => {
    expect(step("ArrowDown", 4, 10, 5, false)).toEqual({ to: 5 });
    expect(step("ArrowUp", 0, 10, 5, false)).toEqual({ to: 0 });
    expect(step("PageDown", 8, 10, 5, false)).toEqual({ to: 9 });
    expect(step("Home", 8, 10, 5, false)).toEqual({ to: 0 });
    expect(step("End", 0, 100_000, 5, false)).toEqual({ to: 99_999 });
    expect(step("ArrowDown", 0, 0, 5, false)).toEqual({ to: 0 });
  });

  it("acts", () => {
    expect(step("Enter", 0, 1, 1, false)).toEqual({ do: "open" });
    expect(step(" ", 0, 1, 1, false)).toEqual({ do: "preview" });
    expect(step("/", 0, 1, 1, false)).toEqual({ do: "search" });
    expect(step("a", 0, 1, 1, true)).toEqual({ do: "all" });
    expect(step("a", 0, 1, 1, false)).toBeNull();
  });

  it("goes to a name as it is typed", () => {
    const rows = ["apple", "banana", "berry", "cherry"].map((name, at) => [at, { name }] as const);
    const list = rows as unknown as [number, { name: string }][];
    expect(ahead(list, "b", 0)).toBe(1);
    expect(ahead(list, "b", 1)).toBe(2);
    expect(ahead(list, "b", 2)).toBe(1);
    expect(ahead(list, "be", 1)).toBe(2);
    expect(ahead(list, "x", 0)).toBe(-1);
    const typed = new TypedAhead();
    expect([typed.add("B", 0), typed.add("e", 500), typed.add("c", 2000)]).toEqual([
      "b",
      "be",
      "c",
    ]);
  });
});
