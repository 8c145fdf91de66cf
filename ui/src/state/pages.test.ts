import { describe, expect, it } from "vitest";
import { pagesFor, pagesToDrop } from "./pages";

describe("pages of a long list", () => {
  it("asks for what is in view and a half page around it", () => {
    expect(pagesFor(0, 20, 100_000)).toEqual([0]);
    expect(pagesFor(200, 240, 100_000)).toEqual([0, 1]);
    expect(pagesFor(50_000, 50_030, 100_000)).toEqual([199, 200]);
    expect(pagesFor(99_980, 99_999, 100_000)).toEqual([399]);
  });

  it("never asks past the end", () => {
    expect(pagesFor(0, 500, 10)).toEqual([0]);
    expect(pagesFor(0, 10, 0)).toEqual([]);
  });

  it("gives up the farthest first, never what is wanted", () => {
    expect(pagesToDrop([0, 1, 2, 50, 51], [50, 51], 3)).toEqual([0, 1]);
    expect(pagesToDrop([0, 1], [0], 3)).toEqual([]);
  });
});
