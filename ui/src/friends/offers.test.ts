import { expect, it } from "vitest";
import type { Offer } from "../wire/hives";
import { wishOf } from "./offers";

const offer: Offer = {
  share: "s",
  name: "Trip",
  kind: "folder",
  from: { id: "bo", name: "Bo", hue: 4 },
  right: "edit",
  files: 3,
  bytes: 100,
  folders: [],
  at: 0,
};

it("asks only for what differs from the usual", () => {
  expect(wishOf({ offer, place: "", name: "Trip", folders: null })).toEqual({});
  expect(wishOf({ offer, place: " /home/a/T ", name: " Tour ", folders: null })).toEqual({
    path: "/home/a/T",
    name: "Tour",
  });
});

it("cleans the folders that were typed", () => {
  const folders = ["/Pictures/2026/", "", "  Notes ", "Notes"];
  expect(wishOf({ offer, place: "", name: "", folders })).toEqual({
    folders: ["Pictures/2026", "Notes"],
  });
});
