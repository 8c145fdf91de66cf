// What the text area can do, whatever the file.

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, indentWithTab } from "@codemirror/commands";
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  indentOnInput,
  LanguageDescription,
} from "@codemirror/language";
import { languages } from "@codemirror/language-data";
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

/** The language of a file by its name, fetched when needed. */
export async function languageFor(name: string): Promise<Extension> {
  if (isMarkdown(name)) {
    const { markdown, markdownLanguage } = await import("@codemirror/lang-markdown");
    return markdown({ base: markdownLanguage, codeLanguages: languages });
  }
  const found = LanguageDescription.matchFilename(languages, name);
  if (!found) return [];
  return found.load().catch(() => []);
}

export const isMarkdown = (name: string): boolean => /\.(md|markdown|mdown|mkd)$/i.test(name);
export const isProse = (name: string): boolean =>
  isMarkdown(name) || /\.(txt|text|adoc|rst|tex)$/i.test(name);
