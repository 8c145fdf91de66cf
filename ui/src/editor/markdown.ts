// Markdown as a sanitised fragment. Outside pictures are not fetched: they would tell who reads.

import DOMPurify from "dompurify";
import { marked } from "marked";

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

export interface Rendered {
  fragment: DocumentFragment;
  pictures: { image: HTMLImageElement; path: string }[];
}

export function render(source: string, file: string): Rendered {
  const html = marked.parse(source, { gfm: true, async: false });
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
  for (const box of fragment.querySelectorAll("input")) {
    box.disabled = true;
    box.setAttribute("aria-label", box.checked ? "Done" : "To do");
  }
  for (const table of fragment.querySelectorAll("table")) {
    const frame = document.createElement("div");
    frame.className = "table";
    frame.tabIndex = 0;
    table.replaceWith(frame);
    frame.append(table);
  }
  return { fragment, pictures };
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
