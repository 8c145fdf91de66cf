import { expect, it, vi } from "vitest";
import type { Waiting } from "../wire/hives";
import { notesOf } from "./notes";

const wait = (path: string): Waiting => ({
  file: path,
  path,
  code: "friend_away",
  detail: `${path} is not at Bo's yet.`,
  hint: "It goes out when that hive is back.",
});
const list = [wait("a.txt"), wait("Pictures/1.png"), wait("Pictures/x/2.png"), wait("Pict")];

it("notes files and the folders that hold them", () => {
  const tell = vi.fn();
  const notes = notesOf(list, "", tell);
  expect([...notes.keys()]).toEqual(["a.txt", "Pictures", "Pict"]);
  expect(notes.get("a.txt")?.detail).toBe("a.txt is not at Bo's yet.");
  expect(notes.get("Pictures")?.detail).toBe("2 files in it not in step.");
  notes.get("Pictures")?.tell();
  expect(tell).toHaveBeenCalledWith([list[1], list[2]], "Pictures");
});

it("looks only into the folder that is shown", () => {
  const notes = notesOf(list, "Pictures", () => undefined);
  expect([...notes.keys()]).toEqual(["Pictures/1.png", "Pictures/x"]);
});
