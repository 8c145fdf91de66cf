import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { carets, inRoom, ownCursor } from "./people";

function scene() {
  const doc = new Y.Doc();
  const text = doc.getText("content");
  text.insert(0, "hello world");
  const states = new Map<number, Record<string, unknown>>([
    [1, { user: { person: "me", name: "Me", hue: 0 }, cursor: ownCursor(text, 0, 0) }],
    [2, { user: { person: "ana", name: "Ana", hue: 3 }, cursor: ownCursor(text, 6, 11) }],
    [3, { user: { person: "ana", name: "Ana", hue: 3 }, cursor: null }],
    [4, { user: { name: " ", color: "#123456" }, cursor: { anchor: {}, head: null } }],
    [5, {}],
  ]);
  return { text, states };
}

describe("people in a document", () => {
  it("places carets, and moves them with the text before them", () => {
    const { text, states } = scene();
    expect(carets(states, 1, text)).toMatchObject([{ client: 2, anchor: 6, head: 11, hue: 3 }]);
    text.insert(0, "oh, ");
    expect(carets(states, 1, text)).toMatchObject([{ anchor: 10, head: 15 }]);
    text.delete(0, 15);
    expect(carets(states, 1, text)).toMatchObject([{ anchor: 0, head: 0 }]);
  });

  it("shows each person once, with the window that has a cursor", () => {
    const { states } = scene();
    const people = inRoom(states, 1);
    expect(people.find((one) => one.person === "ana")).toMatchObject({ client: 2, away: false });
    expect(people).toHaveLength(2);
    expect(people.find((one) => one.client === 4)).toMatchObject({ name: "Guest", hue: 4 });
  });
});
