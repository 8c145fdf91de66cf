import { expect, test } from "vitest";
import { bytesOf, cleaned, deeper, rowsOf, ticked } from "./folders";

const all = [
  { path: "Pictures", bytes: 500, chosen: true },
  { path: "Films", bytes: 9000, chosen: false },
];

test("each folder at the top is whole, partly or not here", () => {
  const rows = rowsOf(all, ["Films", "Pictures/2026", "Pictures/2025"]);
  expect(rows.map(({ path, state }) => [path, state])).toEqual([
    ["Films", "all"],
    ["Pictures", "some"],
  ]);
  expect(rows[1]?.parts).toEqual(["Pictures/2025", "Pictures/2026"]);
  expect(bytesOf(rows)).toBe(9000);
});

test("a choice that no folder answers to is shown all the same", () => {
  expect(rowsOf(all, ["Later/on"]).map((row) => row.path)).toEqual(["Films", "Later", "Pictures"]);
});

test("a folder as a whole takes the place of its parts", () => {
  expect(ticked(["Pictures/2026", "Films"], "Pictures", true)).toEqual(["Films", "Pictures"]);
  expect(ticked(["Pictures/2026", "Films"], "Pictures", false)).toEqual(["Films"]);
});

test("a part takes the place of its folder", () => {
  expect(deeper(["Pictures", "Films"], " /Pictures/2026/ ")).toEqual(["Films", "Pictures/2026"]);
  expect(deeper(["Films"], "  ")).toEqual(["Films"]);
});

test("a typed path is told as the hive names it", () => {
  expect(cleaned("/a//b/ ./c/")).toBe("a/b/c");
});
