// Markdown as a sanitised fragment. Outside pictures are not fetched: they would tell who reads.

import DOMPurify from "dompurify";
import { Marked, type TokenizerAndRendererExtension } from "marked";

const FORBIDDEN = ["style", "form", "button", "select", "textarea", "iframe", "object", "embed"];

const isOutside = (url: string): boolean => /^([a-z][a-z0-9+.-]*:|\/\/)/i.test(url);

/** A path relative to the file's folder, as a path in the share; null when it leaves it. */
export function resolve(file: string, relative: string): string | null {
  const [path = ""] = relative.split(/[?#]/);
  const parts = path.startsWith("/") ? [] : file.split("/").slice(0, -1);
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(safeDecode(part));
    else if (parts.pop() === undefined) return null;
  }
  return parts.join("/");
}

const safeDecode = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

/** Something that is drawn by what is fetched only when it is there: a formula or a diagram. */
export interface Figure {
  place: HTMLElement;
  source: string;
  kind: "formula" | "line" | "diagram";
}

export interface Rendered {
  fragment: DocumentFragment;
  pictures: { image: HTMLImageElement; path: string }[];
  figures: Figure[];
  /** The boxes of tasks, in their order. */
  tasks: HTMLInputElement[];
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

interface Formula {
  type: string;
  raw: string;
  tex: string;
}

const formula = (
  name: "formula" | "line",
  level: "block" | "inline",
  start: RegExp,
  whole: RegExp,
): TokenizerAndRendererExtension => ({
  name,
  level,
  start: (text) => text.match(start)?.index,
  tokenizer(text) {
    const [raw, tex] = whole.exec(text) ?? [];
    return raw && tex ? { type: name, raw, tex } : undefined;
  },
  renderer: (token) => {
    const tag = name === "formula" ? "div" : "span";
    return `<${tag} data-figure="${name}">${escaped((token as unknown as Formula).tex)}</${tag}>`;
  },
});

// A dollar sign before a space or after one is money, and so is one before a digit that ends it.
const reader = new Marked({
  gfm: true,
  async: false,
  extensions: [
    formula("formula", "block", /\$\$/, /^\$\$([^$]+)\$\$(?:\n|$)/),
    formula("line", "inline", /\$/, /^\$(?![\s$])((?:\\.|[^$\n\\`])*?[^\s$\\`])\$(?!\d)/),
  ],
});

export function render(source: string, file: string): Rendered {
  const html = reader.parse(source, { async: false });
  const fragment = DOMPurify.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    FORBID_TAGS: FORBIDDEN,
    FORBID_ATTR: ["style", "srcset"],
  });
  const pictures: Rendered["pictures"] = [];
  for (const image of fragment.querySelectorAll("img")) {
    const source = image.getAttribute("src") ?? "";
    const path = isOutside(source) ? null : resolve(file, source);
    if (source.startsWith("data:image/")) continue;
    image.removeAttribute("src");
    if (path) pictures.push({ image, path });
    else image.replaceWith(outside(source, image.alt));
  }
  for (const anchor of fragment.querySelectorAll("a")) mark(anchor, file);
  const tasks = [...fragment.querySelectorAll("input")];
  for (const box of tasks) {
    box.disabled = true;
    const words = box.closest("li")?.innerText ?? box.closest("li")?.textContent ?? "";
    box.setAttribute("aria-label", words.trim().split("\n")[0]?.slice(0, 120) || "Task");
  }
  for (const table of fragment.querySelectorAll("table")) {
    const frame = document.createElement("div");
    frame.className = "table";
    frame.tabIndex = 0;
    table.replaceWith(frame);
    frame.append(table);
  }
  return { fragment, pictures, figures: figuresOf(fragment), tasks };
}

function figuresOf(fragment: DocumentFragment): Figure[] {
  for (const code of fragment.querySelectorAll("pre > code")) {
    const kind = { "language-mermaid": "diagram", "language-math": "formula" }[code.className];
    if (!kind) continue;
    const place = document.createElement("div");
    place.dataset.figure = kind;
    place.textContent = code.textContent;
    code.parentElement?.replaceWith(place);
  }
  return [...fragment.querySelectorAll<HTMLElement>("[data-figure]")].map((place) => ({
    place,
    source: place.textContent ?? "",
    kind: place.dataset.figure as Figure["kind"],
  }));
}

function outside(url: string, alt: string): HTMLElement {
  const anchor = document.createElement("a");
  anchor.href = /^https?:/i.test(url) ? url : "#";
  anchor.textContent = `Picture elsewhere: ${alt || url}`;
  return anchor;
}

function mark(anchor: HTMLAnchorElement, file: string) {
  const href = anchor.getAttribute("href") ?? "";
  if (href.startsWith("#")) return;
  if (isOutside(href)) {
    anchor.target = "_blank";
    anchor.rel = "noopener noreferrer";
    return;
  }
  const path = resolve(file, href);
  anchor.removeAttribute("href");
  if (path) {
    anchor.href = "#";
    anchor.dataset.path = path;
  }
}
