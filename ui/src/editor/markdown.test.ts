import { describe, expect, it } from "vitest";
import { render, resolve } from "./markdown";

// What the sanitiser takes out is tried in a real browser: happy-dom is not one to it.
describe("Markdown", () => {
  it("fetches no picture from elsewhere, and finds those of the share", () => {
    const outside = render("![x](https://example.org/a.png)", "notes/plan.md");
    expect(outside.pictures).toEqual([]);
    expect(outside.fragment.textContent).toContain("Picture elsewhere: x");
    const { pictures } = render("![x](../img/a%20b.png)", "notes/plan.md");
    expect(pictures.map((picture) => picture.path)).toEqual(["img/a b.png"]);
  });

  it("never leaves the share", () => {
    expect(resolve("a/b.md", "c.md")).toBe("a/c.md");
    expect(resolve("a/b.md", "/c.md")).toBe("c.md");
    expect(resolve("a/b.md", "../../etc/passwd")).toBeNull();
  });
});
