import { describe, expect, it } from "vitest";
import { render, resolve } from "./markdown";
import { linkTo, numbered, pictureName } from "./pictures";
import { taskEdit } from "./tasks";

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

  it("finds formulas and diagrams, and takes no price for a formula", () => {
    const of = (source: string) =>
      render(source, "a.md").figures.map(({ kind, source }) => [kind, source.trim()]);
    expect(of("so $a^2 < b$ holds")).toEqual([["line", "a^2 < b"]]);
    expect(of("so\n\n$$\n\\frac{1}{2}\n$$\n")).toEqual([["formula", "\\frac{1}{2}"]]);
    expect(of("so\n\n```math\nx\n```\n\n```mermaid\ngraph TD; A-->B\n```")).toEqual([
      ["formula", "x"],
      ["diagram", "graph TD; A-->B"],
    ]);
    expect(of("costs $5 and $6 and `$x$`")).toEqual([]);
  });

  it("finds the tasks that its boxes stand for, also in lists of lists", () => {
    const text = "- [ ] one\n- [x] two\n  - [ ] three\n\n```\n- [ ] code\n```\n\n1. [ ] four\n";
    const boxes = render(text, "a.md").tasks;
    expect(boxes.map((box) => box.checked)).toEqual([false, true, false, false]);
    const edited = (task: number) => {
      const edit = taskEdit(text, task, boxes.length);
      return edit && text.slice(0, edit.from) + edit.insert + text.slice(edit.to);
    };
    expect(edited(1)).toBe(text.replace("[x] two", "[ ] two"));
    expect(edited(2)).toBe(text.replace("[ ] three", "[x] three"));
    expect(edited(3)).toBe(text.replace("[ ] four", "[x] four"));
    expect(taskEdit(text, 0, 3)).toBeNull();
  });

  it("names pictures so that they can stand beside the text on any system", () => {
    const at = new Date(2026, 10, 21, 22, 40, 5);
    expect(pictureName("a/plan.md", { name: "image.png", type: "image/png" }, at)).toBe(
      "plan-2026-11-21-224005.png",
    );
    expect(pictureName("plan.md", { name: "My: photo?.JPG", type: "image/jpeg" }, at)).toBe(
      "My- photo-.JPG",
    );
    expect(numbered("one.png", 1)).toBe("one.png");
    expect(numbered("one.png", 3)).toBe("one-3.png");
    expect(linkTo("My photo (1).png")).toBe("![My photo (1)](My%20photo%20%281%29.png)");
  });
});
