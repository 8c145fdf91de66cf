import { SearchQuery } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { expect, it } from "vitest";
import { countWords } from "./find";

const said = (search: string, more: object = {}, at = 0, to = at) => {
  const state = EditorState.create({ doc: "one two One", selection: { anchor: at, head: to } });
  return countWords(new SearchQuery({ search, ...more }), state);
};

it("says how many were found and which one is shown", () => {
  expect(said("one")).toBe("2 found");
  expect(said("one", {}, 8, 11)).toBe("2 of 2");
  expect(said("one", { caseSensitive: true })).toBe("1 found");
  expect(said("three")).toBe("Not found");
  expect(said("(", { regexp: true })).toBe("This pattern is not finished");
  expect(said("")).toBe("");
});
