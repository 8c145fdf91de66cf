// Arrows at the edges for those who are out of view, with their names; a click goes there.

import type { Extension } from "@codemirror/state";
import { EditorView, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import type { Caret } from "./people";

/** So many are named; the others are a number. */
const NAMED = 2;

export const jump = (view: EditorView, to: number): void =>
  view.dispatch({
    effects: EditorView.scrollIntoView(Math.min(to, view.state.doc.length), { y: "center" }),
  });

type Way = "above" | "below";

export function edges(
  listed: (view: EditorView) => Caret[],
  isMoved: (update: ViewUpdate) => boolean,
): Extension {
  return ViewPlugin.define((view) => {
    const above = edge("above");
    const below = edge("below");
    view.dom.append(above, below);
    const measure = {
      read: () => {
        const { top, bottom } = view.scrollDOM.getBoundingClientRect();
        const found: Record<Way, Caret[]> = { above: [], below: [] };
        for (const caret of listed(view)) {
          const block = view.lineBlockAt(caret.head);
          const y = view.documentTop + block.top;
          if (y + block.height < top) found.above.push(caret);
          else if (y > bottom) found.below.push(caret);
        }
        found.above.sort((a, b) => b.head - a.head);
        found.below.sort((a, b) => a.head - b.head);
        return { found, offset: view.scrollDOM.offsetTop };
      },
      write: ({ found, offset }: { found: Record<Way, Caret[]>; offset: number }) => {
        above.style.marginTop = `${offset}px`;
        fill(view, above, "above", found.above);
        fill(view, below, "below", found.below);
      },
    };
    const ask = () => view.requestMeasure(measure);
    view.scrollDOM.addEventListener("scroll", ask, { passive: true });
    ask();
    return {
      update(update) {
        if (update.docChanged || update.geometryChanged || isMoved(update)) ask();
      },
      destroy() {
        view.scrollDOM.removeEventListener("scroll", ask);
        above.remove();
        below.remove();
      },
    };
  });
}

function edge(way: Way): HTMLElement {
  const box = document.createElement("div");
  box.className = `sk-edge sk-${way}`;
  return box;
}

/** The nearest first, each person once. */
function fill(view: EditorView, box: HTMLElement, way: Way, carets: Caret[]) {
  const people = [...new Map(carets.toReversed().map((one) => [one.person, one])).values()];
  const list = people.toReversed();
  const said = list.map((one) => `${one.client} ${one.name} ${one.hue} ${one.head}`).join("|");
  if (box.dataset.said === said) return;
  box.dataset.said = said;
  const rest = list.slice(NAMED);
  const arrow = way === "above" ? "↑" : "↓";
  const buttons = list
    .slice(0, NAMED)
    .map((one) => arrowTo(view, one, `${arrow} ${one.name}`, `Go to ${one.name}, ${way}`));
  if (rest[0]) {
    const names = rest.map((one) => one.name).join(", ");
    const label = `${rest.length} more ${way}: ${names}`;
    buttons.push(arrowTo(view, rest[0], `${arrow} +${rest.length}`, label));
  }
  box.replaceChildren(...buttons);
}

function arrowTo(view: EditorView, caret: Caret, words: string, label: string): HTMLElement {
  const button = document.createElement("button");
  button.type = "button";
  button.style.setProperty("--hue", `var(--hue-${caret.hue})`);
  button.textContent = words;
  button.title = label;
  button.setAttribute("aria-label", label);
  button.onclick = () => jump(view, caret.head);
  return button;
}
