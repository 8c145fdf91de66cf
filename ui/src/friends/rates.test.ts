import { expect, test } from "vitest";
import { limitsTold, ratesWith, rateWords, typedRate } from "./rates";

test("speeds are said in the unit that people read", () => {
  expect([0, 250, 1000, 1500, 25_000].map(rateWords)).toEqual([
    "No limit",
    "250 KB/s",
    "1 MB/s",
    "1.5 MB/s",
    "25 MB/s",
  ]);
});

test("a limit that is none of the usual ones is among the choices once", () => {
  expect(ratesWith(300).filter((kb) => kb === 300)).toHaveLength(1);
  expect(ratesWith(500).filter((kb) => kb === 500)).toHaveLength(1);
});

test("limits are told only where there are some", () => {
  expect(limitsTold({ up_kb: 0, down_kb: 0 })).toBe("");
  expect(limitsTold({ up_kb: 100, down_kb: 100 })).toBe("at most 100 KB/s each way");
  expect(limitsTold({ up_kb: 100, down_kb: 0 })).toBe("out at most 100 KB/s");
  expect(limitsTold({ up_kb: 100, down_kb: 2000 })).toBe("out at most 100 KB/s, in at most 2 MB/s");
});

test("what is typed is a number of kilobytes, or nothing", () => {
  expect(["300", " 12,5 ", "0", "", "fast", "-1", "1e12"].map(typedRate)).toEqual([
    300,
    13,
    0,
    null,
    null,
    null,
    null,
  ]);
});
