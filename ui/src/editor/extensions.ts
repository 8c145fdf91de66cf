// What the text area can do, whatever the file.

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, foldGutter, foldKeymap, indentOnInput } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
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
import * as Y from "yjs";
import { cursors } from "./cursors";
import type { Stage } from "./room.svelte";
import { look } from "./theme";

export const language = new Compartment();
export const wrapping = new Compartment();
export const writing = new Compartment();

export const wrap = (on: boolean): Extension => (on ? EditorView.lineWrapping : []);
export const mayWrite = (yes: boolean): Extension => EditorState.readOnly.of(!yes);

export function extensions(stage: Stage, label: string): Extension {
  const undoManager = new Y.UndoManager(stage.text, { captureTimeout: 400 });
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
    search({ top: true }),
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
    EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "true", tabindex: "0" }),
    look,
  ];
}
