// Formulas and diagrams of a preview, drawn by what is fetched when the first of them is there.

import type { Figure } from "./markdown";

/** More than a person reads: a text cannot hold up the page with its figures. */
const DIAGRAMS_MOST = 30;
const FORMULAS_MOST = 500;
const KEPT_MOST = 60;

type Drawing = { svg: string; width: number } | { fault: string };

let formulas: typeof import("./formulas") | undefined;
let diagrams: typeof import("./diagrams") | undefined;

export class Figures {
  #kept = new Map<string, Drawing>();
  #turn = 0;

  /** Draws into the places, at once where that is possible. */
  draw(list: Figure[]) {
    const turn = (this.#turn += 1);
    const math = list.filter(({ kind }) => kind !== "diagram").slice(0, FORMULAS_MOST);
    const charts = list.filter(({ kind }) => kind === "diagram").slice(0, DIAGRAMS_MOST);
    if (formulas) formulas.draw(math);
    else if (math.length) void this.#fetchFormulas(math, turn);
    const unknown = charts.filter((chart) => !this.#show(chart));
    if (unknown.length) void this.#drawCharts(unknown, turn);
  }

  async #fetchFormulas(math: Figure[], turn: number) {
    formulas = await import("./formulas");
    if (turn === this.#turn) formulas.draw(math);
  }

  async #drawCharts(charts: Figure[], turn: number) {
    diagrams ??= await import("./diagrams");
    for (const chart of charts) {
      if (turn !== this.#turn) return;
      this.#kept.set(keyOf(chart), await diagrams.draw(chart.source));
      const [oldest] = this.#kept.keys();
      if (this.#kept.size > KEPT_MOST && oldest) this.#kept.delete(oldest);
      this.#show(chart);
    }
  }

  #show({ place, source }: Figure): boolean {
    const drawing = this.#kept.get(keyOf({ source }));
    if (!drawing) return false;
    if ("fault" in drawing) {
      const said = document.createElement("p");
      said.className = "fault";
      said.textContent = `This diagram cannot be drawn. ${drawing.fault}`;
      const code = document.createElement("pre");
      code.style.textAlign = "left";
      code.textContent = source;
      place.replaceChildren(code, said);
      return true;
    }
    // As a picture it runs nothing and fetches nothing, whatever stands in it.
    const image = document.createElement("img");
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(drawing.svg)}`;
    image.width = drawing.width;
    image.alt = `Diagram: ${source.trim().slice(0, 400)}`;
    place.replaceChildren(image);
    return true;
  }
}

const keyOf = ({ source }: { source: string }): string =>
  `${getComputedStyle(document.body).color} ${source}`;
