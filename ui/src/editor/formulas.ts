// Formulas by KaTeX; fetched with its fonts when a text has the first one.

import katex from "katex";
import "katex/dist/katex.min.css";
import type { Figure } from "./markdown";

export function draw(list: Figure[]) {
  for (const { place, source, kind } of list) {
    try {
      katex.render(source, place, {
        displayMode: kind === "formula",
        throwOnError: true,
        trust: false,
        strict: "ignore",
        maxSize: 20,
        maxExpand: 300,
      });
    } catch (cause) {
      place.textContent = source;
      place.classList.add("fault");
      place.title = cause instanceof Error ? cause.message : "";
    }
  }
}
