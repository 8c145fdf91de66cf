import { expect, it } from "vitest";
import * as Y from "yjs";
import { runs } from "./authors";

const docOf = (client: number): Y.Doc => {
  const doc = new Y.Doc();
  doc.clientID = client;
  return doc;
};

const meet = (one: Y.Doc, two: Y.Doc) => {
  Y.applyUpdate(two, Y.encodeStateAsUpdate(one));
  Y.applyUpdate(one, Y.encodeStateAsUpdate(two));
};

it("tells who wrote what since the document was opened, and nothing older", () => {
  const [ada, bo] = [docOf(1), docOf(2)];
  ada.getText("content").insert(0, "old ");
  meet(ada, bo);
  const opened = Y.decodeStateVector(Y.encodeStateVector(ada));
  ada.getText("content").insert(4, "ada ");
  meet(ada, bo);
  bo.getText("content").insert(6, "BO");
  bo.getText("content").delete(0, 1);
  meet(ada, bo);
  const text = ada.getText("content");
  expect(text.toString()).toBe("ld adBOa ");
  const told = runs(text, opened).map(({ from, to, client }) => [
    text.toString().slice(from, to),
    client,
  ]);
  expect(told).toEqual([
    ["ad", 1],
    ["BO", 2],
    ["a ", 1],
  ]);
});

it("sees what was typed on at the end of an older piece", () => {
  const doc = docOf(1);
  const text = doc.getText("content");
  text.insert(0, "abc");
  const opened = Y.decodeStateVector(Y.encodeStateVector(doc));
  text.insert(3, "def");
  expect(runs(text, opened)).toEqual([{ from: 3, to: 6, client: 1 }]);
});
