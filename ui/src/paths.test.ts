import { describe, expect, it } from "vitest";
import { apiBase, crumbs, linkOf, parentOf, parse, paths } from "./paths";

describe("paths", () => {
  it("finds back to the place that it leads to", () => {
    const folder = "Été/50% of #1?/a b";
    expect(parse(paths.folder("s1", folder))).toEqual({ page: "folder", share: "s1", folder });
    expect(parse(paths.folder("s1"))).toEqual({ page: "folder", share: "s1", folder: "" });
    expect(parse(paths.file("f1"))).toEqual({ page: "file", file: "f1" });
    for (const page of ["keys", "settings", "welcome", "friends", "join", "two"] as const) {
      expect(parse(paths[page])).toEqual({ page });
    }
    for (const page of ["trash", "rules"] as const) {
      expect(parse(paths[page]("s1"))).toEqual({ page, share: "s1" });
    }
    expect(parse("/app/join/abcdefgh")).toEqual({ page: "join" });
    expect(parse("/")).toEqual({ page: "home" });
  });

  it("keeps guests under their link", () => {
    expect(linkOf("/l/abc/folder/x")).toBe("abc");
    expect(apiBase("/l/abc/file/f")).toBe("/l/abc/api/v1");
    expect(apiBase("/app/keys")).toBe("/api/v1");
    expect(parse("/l/abc")).toEqual({ page: "home" });
    expect(parse("/l/abc/folder/a/b%20c")).toEqual({ page: "folder", share: "", folder: "a/b c" });
    expect(parse("/l/abc/keys")).toEqual({ page: "lost" });
  });

  it("does not stumble over what is not encoded", () => {
    expect(parse("/app/share/s1/50%")).toEqual({ page: "folder", share: "s1", folder: "/50%" });
    expect(parse("/elsewhere")).toEqual({ page: "lost" });
  });

  it("steps through folders", () => {
    expect(crumbs("a/b")).toEqual([
      { name: "a", folder: "a" },
      { name: "b", folder: "a/b" },
    ]);
    expect(parentOf("a/b/c")).toBe("a/b");
    expect(parentOf("a")).toBe("");
  });
});
