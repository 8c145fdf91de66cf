// What each person sees of the text: told to the others, and drawn beside the scroll bar.

import type { Extension } from "@codemirror/state";
import { EditorView, ViewPlugin } from "@codemirror/view";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import { jump } from "./edges";
import { ownSight, sights, type Sight } from "./people";

/** Scrolling is told at most so often. */
const TELL_MS = 200;
const LANES = 3;

/** The first and the last character that stand in the window. */
export function visible(view: EditorView): { top: number; bottom: number } {
  const { top, bottom } = view.scrollDOM.getBoundingClientRect();
  const at = (y: number) => view.lineBlockAtHeight(y - view.documentTop);
  return { top: at(top + 1).from, bottom: at(bottom - 1).to };
}

/** Tells the others what this window sees, while there are others. */
function teller(text: Y.Text, awareness: Awareness): Extension {
  return ViewPlugin.define((view) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let said = "";
    const tell = () => {
      timer = undefined;
      if (awareness.states.size < 2 || !view.scrollDOM.clientHeight) return;
      const { top, bottom } = visible(view);
      if (bottom > text.length || !awareness.getLocalState()) return;
      const sight = ownSight(text, top, bottom);
      if (said === JSON.stringify(sight)) return;
      said = JSON.stringify(sight);
      awareness.setLocalStateField("view", sight);
    };
    const ask = () => (timer ??= setTimeout(tell, TELL_MS));
    const changed = ({ added }: { added: number[] }) => added.length && ask();
    view.scrollDOM.addEventListener("scroll", ask, { passive: true });
    awareness.on("change", changed);
    ask();
    return {
      update: (update) => void ((update.geometryChanged || update.docChanged) && ask()),
      destroy() {
        clearTimeout(timer);
        view.scrollDOM.removeEventListener("scroll", ask);
        awareness.off("change", changed);
      },
    };
  });
}

interface Mark {
  sight: Sight;
  top: number;
  height: number;
}

/** A strip with a mark for each of the others where they look; a click goes there. */
function radar(text: Y.Text, awareness: Awareness): Extension {
  return ViewPlugin.define((view) => {
    // The people over the text are the way for keys and screen readers.
    const strip = document.createElement("div");
    strip.className = "sk-radar";
    strip.setAttribute("aria-hidden", "true");
    view.dom.append(strip);
    const marks = (): Mark[] => {
      const { scrollHeight, clientHeight } = view.scrollDOM;
      if (scrollHeight <= clientHeight || !text.doc) return [];
      const { length } = view.state.doc;
      const scale = clientHeight / scrollHeight;
      const y = (position: number, end: boolean) => {
        const block = view.lineBlockAt(Math.min(position, length));
        return (view.documentPadding.top + (end ? block.bottom : block.top)) * scale;
      };
      return sights(awareness.states, text.doc.clientID, text).map((sight) => {
        const top = y(sight.top, false);
        return { sight, top, height: Math.max(6, y(sight.bottom, true) - top) };
      });
    };
    const measure = {
      read: () => {
        const { offsetWidth, clientWidth, offsetTop, clientHeight } = view.scrollDOM;
        const bar = offsetWidth - clientWidth;
        return { marks: marks(), bar, top: offsetTop, height: clientHeight };
      },
      write: (found: { marks: Mark[]; bar: number; top: number; height: number }) => {
        const { bar, top, height } = found;
        strip.style.cssText = `inset-inline-end:${bar}px;top:${top}px;height:${height}px`;
        strip.replaceChildren(...found.marks.map((mark, at) => draw(view, mark, at % LANES)));
      },
    };
    const ask = () => view.requestMeasure(measure);
    awareness.on("change", ask);
    ask();
    return {
      update: (update) => void ((update.docChanged || update.geometryChanged) && ask()),
      destroy() {
        awareness.off("change", ask);
        strip.remove();
      },
    };
  });
}

function draw(view: EditorView, { sight, top, height }: Mark, lane: number): HTMLElement {
  const mark = document.createElement("div");
  mark.className = "sk-look";
  mark.dataset.name = sight.name;
  mark.title = `${sight.name} is looking here`;
  const place = `top:${top.toFixed(1)}px;height:${height.toFixed(1)}px`;
  mark.style.cssText = `${place};inset-inline-end:${lane * 6}px;--hue:var(--hue-${sight.hue})`;
  mark.onclick = () => jump(view, Math.round((sight.top + sight.bottom) / 2));
  return mark;
}

export const sight = (text: Y.Text, awareness: Awareness): Extension => [
  teller(text, awareness),
  radar(text, awareness),
];
