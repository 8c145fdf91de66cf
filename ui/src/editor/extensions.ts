// What the text area can do, whatever the file.

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, foldGutter, foldKeymap, indentOnInput } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import {
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import type * as Y from "yjs";
import { cursors } from "./cursors";
import { find } from "./find";
import type { Stage } from "./room.svelte";
import { sight } from "./sight";
import { look } from "./theme";

export const language = new Compartment();
export const wrapping = new Compartment();
export const writing = new Compartment();
export const colours = new Compartment();
export const keys = new Compartment();

export const wrap = (on: boolean): Extension => (on ? EditorView.lineWrapping : []);
export const mayWrite = (yes: boolean): Extension => EditorState.readOnly.of(!yes);

export function extensions(stage: Stage, label: string, undoManager: Y.UndoManager): Extension {
  return [
    // A lone carriage return stays a character: offsets are the same here and in the document.
    EditorState.lineSeparator.of("\n"),
    lineNumbers(),
    foldGutter(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSpecialChars(),
    highlightSelectionMatches(),
    drawSelection(),
    dropCursor(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    find(),
    keymap.of([
      ...closeBracketsKeymap,
      ...yUndoManagerKeymap,
      ...searchKeymap,
      ...foldKeymap,
      ...defaultKeymap,
      indentWithTab,
    ]),
    yCollab(stage.text, null, { undoManager }),
    cursors(stage.text, stage.awareness),
    sight(stage.text, stage.awareness),
    EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "true", tabindex: "0" }),
    look,
  ];
}
