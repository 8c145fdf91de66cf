// Shows a text of the past: not to be written in, with its authors and what differs from now.

import {
  EditorState,
  RangeSet,
  StateEffect,
  StateField,
  type Extension,
  type Range,
} from "@codemirror/state";
import {
  Decoration,
  EditorView,
  gutter,
  GutterMarker,
  lineNumbers,
  type DecorationSet,
} from "@codemirror/view";
import { look } from "../editor/theme";
import { exactly } from "../words";
import { change, lineStrokes, nameOf, type Past, type Shown } from "./past";

export interface Drawn {
  marks: DecorationSet;
  lines: RangeSet<GutterMarker>;
}

const draw = StateEffect.define<Drawn>();

const drawn = StateField.define<Drawn>({
  create: () => ({ marks: Decoration.none, lines: RangeSet.empty }),
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(draw)) return effect.value;
    return value;
  },
  provide: (field) => EditorView.decorations.from(field, (value) => value.marks),
});

class Writer extends GutterMarker {
  constructor(
    readonly name: string,
    readonly hue: number | null,
    readonly title: string,
  ) {
    super();
  }

  override eq(other: Writer): boolean {
    return this.name === other.name && this.title === other.title && this.hue === other.hue;
  }

  override toDOM(): Node {
    const place = document.createElement("span");
    place.className = "sk-writer";
    place.textContent = this.name;
    place.title = this.title;
    if (this.hue !== null) place.style.setProperty("--hue", `var(--hue-${this.hue})`);
    return place;
  }
}

const told = (past: Past, stroke: number): { name: string; hue: number | null; title: string } => {
  const made = past.strokes[stroke];
  const author = made && past.authors[made.author];
  const moment = made && past.moments[made.moment];
  const name = author ? nameOf(author) : "somebody";
  const device = author?.device ? ` on ${author.device}` : "";
  const how = author?.how === "saved" ? ", saved" : "";
  const title = `${name}${device}${how}, ${exactly(moment?.at ?? null)}`;
  return { name, hue: author?.by?.hue ?? null, title };
};

/** Marks for what is shown: differences, and with `who` the authors and a name for each line. */
export function drawing(past: Past, it: Shown, who: boolean): Drawn {
  const marks: Range<Decoration>[] = [];
  for (const { from, to, stroke, fate } of it.pieces) {
    if (fate === "stays" && !who) continue;
    const { hue, title } = told(past, stroke);
    const by = fate === "stays" ? ` sk-by sk-by-${hue ?? "unknown"}` : "";
    const attributes = { title: fate === "went" ? `Removed since. Was by ${title}` : title };
    marks.push(Decoration.mark({ class: `sk-${fate}${by}`, attributes }).range(from, to));
  }
  const lines: Range<GutterMarker>[] = [];
  if (who) {
    let from = 0;
    let last = "";
    for (const stroke of lineStrokes(it)) {
      if (stroke >= 0) {
        const { name, hue, title } = told(past, stroke);
        lines.push(new Writer(title === last ? "" : name, hue, title).range(from));
        last = title;
      }
      const end = it.text.indexOf("\n", from);
      if (end < 0) break;
      from = end + 1;
    }
  }
  return { marks: Decoration.set(marks), lines: RangeSet.of(lines) };
}

const styles = EditorView.theme({
  ".sk-went": {
    background: "color-mix(in srgb, var(--brick) 18%, transparent)",
    color: "var(--brick)",
    textDecoration: "line-through",
  },
  ".sk-came": {
    background: "color-mix(in srgb, var(--moss) 20%, transparent)",
    textDecoration: "underline",
    textDecorationColor: "var(--moss)",
    textUnderlineOffset: "3px",
  },
  ".sk-writer": {
    display: "block",
    width: "clamp(3.25rem, 14vw, 8rem)",
    overflow: "hidden",
    padding: "0 0.5rem",
    borderInlineEnd: "3px solid var(--hue, transparent)",
    color: "var(--soft)",
    fontFamily: "var(--font-sans)",
    fontSize: "0.8125rem",
    textOverflow: "ellipsis",
    whiteSpace: "nowrap",
  },
});

export function pastView(parent: HTMLElement, label: string, language: Extension): EditorView {
  return new EditorView({
    parent,
    state: EditorState.create({
      extensions: [
        EditorState.lineSeparator.of("\n"),
        EditorState.readOnly.of(true),
        EditorView.editable.of(false),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0", role: "textbox" }),
        gutter({ class: "sk-writers", markers: (view) => view.state.field(drawn).lines }),
        lineNumbers(),
        language,
        drawn,
        look,
        styles,
      ],
    }),
  });
}

/** Goes over to another text; `follow` brings what changed into sight. */
export function turn(view: EditorView, past: Past, it: Shown, who: boolean, follow: boolean) {
  const before = view.state.doc.toString();
  const changes = before === it.text ? undefined : change(before, it.text);
  view.dispatch({
    ...(changes ? { changes } : {}),
    effects: [
      draw.of(drawing(past, it, who)),
      ...(follow && changes
        ? [EditorView.scrollIntoView(changes.from + changes.insert.length, { y: "center" })]
        : []),
    ],
  });
}
