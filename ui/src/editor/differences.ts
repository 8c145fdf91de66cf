// How differences look: what went has the colour of warning, what came that of being in step.

import { EditorView } from "@codemirror/view";

export const differences = EditorView.theme({
  "&.cm-merge-a .cm-changedLine, .cm-deletedChunk": {
    backgroundColor: "var(--gone-wash, var(--brick-wash))",
  },
  "&.cm-merge-b .cm-changedLine, .cm-inlineChangedLine": { backgroundColor: "var(--moss-wash)" },
  "&.cm-merge-a .cm-changedText, .cm-deletedChunk .cm-deletedText": {
    background: "color-mix(in srgb, var(--gone, var(--brick)) 22%, transparent)",
    textDecoration: "none",
  },
  "&.cm-merge-b .cm-changedText": {
    background: "color-mix(in srgb, var(--moss) 22%, transparent)",
    textDecoration: "none",
  },
  "&.cm-merge-a .cm-changedLineGutter, .cm-deletedLineGutter": {
    background: "var(--gone, var(--brick))",
  },
  "&.cm-merge-b .cm-changedLineGutter": { background: "var(--moss)" },
  ".cm-insertedLine, .cm-deletedLine, .cm-deletedLine del": { textDecoration: "none" },
  ".cm-deletedChunk": { padding: "0 1rem" },
  ".cm-collapsedLines": {
    background: "var(--wash)",
    color: "var(--soft)",
    fontFamily: "var(--font-sans)",
    fontSize: "0.8125rem",
  },
});
