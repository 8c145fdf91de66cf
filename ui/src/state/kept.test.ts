import { expect, it } from "vitest";
import { TEXTS_MOST, tooMany } from "./kept";

it("keeps the texts that were opened last, for a month", () => {
  const day = 24 * 3600_000;
  const now = 100 * day;
  expect(
    tooMany(
      [
        ["a", { at: now }],
        ["b", { at: now - 31 * day }],
      ],
      now,
    ),
  ).toEqual(["b"]);
  const many = Array.from({ length: TEXTS_MOST + 2 }, (_, n): [string, { at: number }] => [
    `t${n}`,
    { at: now - n },
  ]);
  expect(tooMany(many, now)).toEqual([`t${TEXTS_MOST}`, `t${TEXTS_MOST + 1}`]);
});
