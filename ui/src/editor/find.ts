// Finding and replacing: a panel over the text, in Skep's words, all of it by keyboard too.

import {
  closeSearchPanel,
  findNext,
  findPrevious,
  getSearchQuery,
  replaceAll,
  replaceNext,
  search,
  SearchQuery,
  selectMatches,
  setSearchQuery,
} from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { runScopeHandlers, type EditorView, type Panel, type ViewUpdate } from "@codemirror/view";

/** More are not counted: a count must not hold up typing. */
const COUNTED_MOST = 1000;

/** How many there are, and which of them is selected (from 1, 0 if none is). */
export function countMatches(
  query: SearchQuery,
  state: EditorState,
  most = COUNTED_MOST,
): { at: number; of: number; more: boolean } {
  let [at, of] = [0, 0];
  const { from, to } = state.selection.main;
  const cursor = query.getCursor(state);
  for (let next = cursor.next(); !next.done; next = cursor.next()) {
    if (of === most) return { at, of, more: true };
    of += 1;
    if (next.value.from === from && next.value.to === to) at = of;
  }
  return { at, of, more: false };
}

/** The count as a person reads it. */
export function countWords(query: SearchQuery, state: EditorState): string {
  if (!query.search) return "";
  if (!query.valid) return "This pattern is not finished";
  const { at, of, more } = countMatches(query, state);
  if (of === 0) return "Not found";
  const all = more ? `more than ${of}` : String(of);
  return at ? `${at} of ${all}` : `${all} found`;
}

type Option = "caseSensitive" | "wholeWord" | "regexp";
const OPTIONS: [Option, string, string][] = [
  ["caseSensitive", "Aa", "Capitals count"],
  ["wholeWord", "“ ”", "Whole words"],
  ["regexp", ".*", "As a pattern (regular expression)"],
];

const element = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]>,
  ...children: Node[]
): HTMLElementTagNameMap[K] => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

class FindPanel implements Panel {
  readonly top = true;
  readonly dom: HTMLElement;
  readonly #find: HTMLInputElement;
  readonly #replace: HTMLInputElement;
  readonly #count: HTMLElement;
  readonly #replacing: HTMLElement;
  readonly #options = new Map<Option, HTMLButtonElement>();

  constructor(readonly view: EditorView) {
    const query = getSearchQuery(view.state);
    this.#find = this.#field(
      "Find",
      query.search,
      () => findNext(view),
      () => findPrevious(view),
    );
    this.#find.setAttribute("main-field", "true");
    this.#replace = this.#field(
      "Replace with",
      query.replace,
      () => replaceNext(view),
      () => replaceAll(view),
    );
    this.#count = element("output", { className: "sk-count" });
    for (const [option, sign, label] of OPTIONS) {
      const button = this.#button(sign, label, () => this.#toggle(option));
      button.classList.add("sk-option");
      this.#options.set(option, button);
    }
    const row = (...children: Node[]) => element("div", { className: "sk-find-row" }, ...children);
    const finding = row(
      this.#find,
      ...this.#options.values(),
      this.#button("↑", "The one before (Shift Enter)", () => findPrevious(view)),
      this.#button("↓", "The next one (Enter)", () => findNext(view)),
      this.#button("Select all", "Select all that are found", () => selectMatches(view)),
      this.#count,
    );
    this.#replacing = row(
      this.#replace,
      this.#button("Replace", "Replace this one (Enter)", () => replaceNext(view)),
      this.#button("Replace all", "Replace all that are found", () => replaceAll(view)),
    );
    const close = this.#button("×", "Close (Esc)", () => closeSearchPanel(view));
    close.classList.add("sk-close");
    this.dom = element("div", { className: "sk-find" }, finding, this.#replacing, close);
    this.dom.setAttribute("role", "search");
    this.dom.setAttribute("aria-label", "Find and replace");
    this.dom.onkeydown = (event) => {
      if (runScopeHandlers(view, event, "search-panel")) event.preventDefault();
    };
    this.#show(query);
  }

  mount() {
    this.#find.select();
  }

  update(update: ViewUpdate) {
    for (const { effects } of update.transactions) {
      for (const effect of effects) if (effect.is(setSearchQuery)) this.#take(effect.value);
    }
    const query = getSearchQuery(update.state);
    const other = query !== getSearchQuery(update.startState);
    const written = update.startState.readOnly !== update.state.readOnly;
    if (other || written || update.docChanged || update.selectionSet) this.#show(query);
  }

  #field(label: string, value: string, enter: () => void, withShift: () => void) {
    const field = element("input", { className: "field", value, placeholder: label });
    field.setAttribute("aria-label", label);
    field.spellcheck = false;
    field.autocomplete = "off";
    field.oninput = () => this.#commit();
    field.onkeydown = (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      (event.shiftKey ? withShift : enter)();
    };
    return field;
  }

  #button(words: string, label: string, run: () => void): HTMLButtonElement {
    const button = element("button", { type: "button", className: "btn", textContent: words });
    button.title = label;
    if (words.length < 4) button.setAttribute("aria-label", label);
    button.onclick = run;
    return button;
  }

  #take(query: SearchQuery) {
    if (query.search !== this.#find.value) this.#find.value = query.search;
    if (query.replace !== this.#replace.value) this.#replace.value = query.replace;
  }

  #toggle(option: Option) {
    const now = getSearchQuery(this.view.state);
    this.#commit({ [option]: !now[option] });
  }

  #commit(change: Partial<Record<Option, boolean>> = {}) {
    const now = getSearchQuery(this.view.state);
    const { caseSensitive, wholeWord, regexp } = now;
    const query = new SearchQuery({
      search: this.#find.value,
      replace: this.#replace.value,
      literal: true,
      ...{ caseSensitive, wholeWord, regexp },
      ...change,
    });
    if (!query.eq(now)) this.view.dispatch({ effects: setSearchQuery.of(query) });
  }

  #show(query: SearchQuery) {
    const { state } = this.view;
    for (const [option, button] of this.#options) {
      button.setAttribute("aria-pressed", String(query[option]));
    }
    this.#replacing.hidden = state.readOnly;
    this.#count.textContent = countWords(query, state);
  }
}

// Words of the parts that CodeMirror draws itself.
const phrases = EditorState.phrases.of({
  "Go to line": "Go to line",
  go: "Go",
  close: "Close",
  "current match": "found",
  "replaced match on line $": "Replaced on line $",
  "replaced $ matches": "Replaced $",
  "on line": "on line",
});

export const find = (): Extension => [
  search({ top: true, literal: true, createPanel: (view) => new FindPanel(view) }),
  phrases,
];
