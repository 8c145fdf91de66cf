import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { Askings, carets, inRoom, ownCursor, ownSight, sights } from "./people";

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

describe("what the others see", () => {
  it("is told as places of the text that move with it", () => {
    const text = new Y.Doc().getText("content");
    text.insert(0, "one\ntwo\nthree");
    const states = new Map([[7, { user: { name: "Bo", hue: 3 }, view: ownSight(text, 4, 8) }]]);
    text.insert(0, "zero\n");
    const [sight] = sights(states, 1, text);
    expect(sight).toMatchObject({ name: "Bo", hue: 3, top: 9, bottom: 13 });
    expect(sights(states, 7, text)).toEqual([]);
  });

  it("makes somebody who only reads a person with a place", () => {
    const text = new Y.Doc().getText("content");
    const view = ownSight(text, 0, 0);
    const states = new Map<number, object>([
      [7, { user: { person: "b", name: "Bo" }, view }],
      [8, { user: { person: "c", name: "Cy" } }],
    ]);
    expect(inRoom(states as never, 1).map((one) => one.away)).toEqual([false, true]);
  });
});

describe("asking the others to come", () => {
  const state = (come: number) => new Map([[7, { user: { name: "Bo" }, come }]]) as never;
  const heard = (askings: Askings, come: number) =>
    askings.hear(state(come), 1).map((one) => one.name);

  it("is heard once, and not if it was before this page came", () => {
    const askings = new Askings();
    expect(heard(askings, 2)).toEqual([]);
    expect(heard(askings, 3)).toEqual(["Bo"]);
    expect(heard(askings, 3)).toEqual([]);
    askings.hear(new Map() as never, 1);
    expect(heard(askings, 3)).toEqual([]);
    expect(heard(askings, 4)).toEqual(["Bo"]);
  });
});
