import { describe, expect, it } from "vitest";
import { clashes, knit, linesOf, weave, weaveTwo, type Take } from "./weave";

const text = (...lines: string[]) => lines.map((line) => `${line}\n`).join("");
const BASE = text("one", "two", "three", "four", "five", "six");

describe("weaving three texts", () => {
  it("keeps what nobody changed", () => {
    expect(weave(BASE, BASE, BASE)).toEqual([
      { kind: "same", base: linesOf(BASE), first: linesOf(BASE), second: linesOf(BASE) },
    ]);
  });

  it("takes changes of both sides where they do not meet", () => {
    const first = text("one", "TWO", "three", "four", "five", "six");
    const second = text("one", "two", "three", "four", "six", "seven");
    const strands = weave(BASE, first, second)!;
    expect(clashes(strands)).toEqual([]);
    expect(knit(strands, new Map())).toBe(text("one", "TWO", "three", "four", "six", "seven"));
  });

  it("asks where they meet, and follows the choice", () => {
    const first = text("one", "two", "THREE", "four", "five", "six");
    const second = text("one", "two", "drei", "four", "five", "six", "seven");
    const strands = weave(BASE, first, second)!;
    const [at, ...more] = clashes(strands);
    expect(more).toEqual([]);
    const merged = (take: Take) => knit(strands, new Map([[at!, take]]));
    const rest = ["four", "five", "six", "seven"];
    expect(merged("first")).toBe(text("one", "two", "THREE", ...rest));
    expect(merged("second")).toBe(text("one", "two", "drei", ...rest));
    expect(merged("both")).toBe(text("one", "two", "THREE", "drei", ...rest));
    expect(merged("base")).toBe(text("one", "two", "three", ...rest));
  });

  it("knows the same change on both sides", () => {
    const both = text("one", "2", "three", "four", "five", "six");
    const strands = weave(BASE, both, both)!;
    expect(strands.map((strand) => strand.kind)).toEqual(["same", "both", "same"]);
    expect(knit(strands, new Map())).toBe(both);
  });

  it("goes without a base", () => {
    const strands = weaveTwo("a\nb\nc", "a\nB\nc")!;
    expect(strands.map((strand) => strand.kind)).toEqual(["same", "clash", "same"]);
    expect(knit(strands, new Map([[1, "second"]]))).toBe("a\nB\nc");
    expect(knit(weaveTwo("", "x")!, new Map([[0, "both"]]))).toBe("x");
  });

  it("gives back either side whole, whatever the texts", () => {
    let seed = 20261121;
    const random = (n: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % n;
    };
    const some = () => Array.from({ length: random(12) }, () => `${random(5)}\n`).join("");
    const edit = (from: string) => {
      const lines = linesOf(from);
      for (let n = random(4); n > 0; n -= 1)
        lines.splice(random(lines.length + 1), random(3), ...linesOf(some().slice(0, 6)));
      return lines.join("");
    };
    for (let run = 0; run < 400; run += 1) {
      const base = some();
      const [first, second] = [edit(base), edit(base)];
      const strands = weave(base, first, second)!;
      const whole = (side: "base" | "first" | "second") =>
        strands.map((strand) => strand[side].join("")).join("");
      expect([whole("base"), whole("first"), whole("second")]).toEqual([base, first, second]);
    }
  });
});
