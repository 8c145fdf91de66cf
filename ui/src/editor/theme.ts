// The look of the text area, all from the page's tokens.

import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags as t } from "@lezer/highlight";

const hues = Object.fromEntries(
  Array.from({ length: 12 }, (_, hue) => [
    [
      `.sk-hue-${hue}`,
      { backgroundColor: `color-mix(in srgb, var(--hue-${hue}) 26%, transparent)` },
    ],
    [
      `.sk-by-${hue}`,
      {
        backgroundColor: `color-mix(in srgb, var(--hue-${hue}) 14%, transparent)`,
        borderBottomColor: `var(--hue-${hue})`,
      },
    ],
  ]).flat(),
);

const chrome = EditorView.theme({
  "&": {
    height: "100%",
    backgroundColor: "var(--comb)",
    color: "var(--ink)",
    fontSize: "0.9375rem",
  },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.6", overflow: "auto" },
  ".cm-content": { padding: "1rem 0 40vh", caretColor: "var(--ink)" },
  ".cm-line": { padding: "0 1rem" },
  ".cm-cursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
  ".cm-gutters": {
    backgroundColor: "var(--comb)",
    color: "var(--soft)",
    border: "none",
    paddingLeft: "0.25rem",
  },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--wash) 55%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--ink)" },
  "& > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--honey) 28%, transparent) !important",
  },
  ".cm-matchingBracket": { backgroundColor: "var(--honey-wash)", outline: "1px solid var(--edge)" },
  ".cm-selectionMatch": { backgroundColor: "var(--honey-wash)" },
  ".cm-searchMatch": { backgroundColor: "var(--honey-wash)", outline: "1px solid var(--edge)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--honey)", color: "var(--on-honey)" },
  ".cm-foldPlaceholder": { background: "var(--wash)", border: "none", color: "var(--soft)" },
  ".cm-panels": {
    backgroundColor: "var(--paper)",
    color: "var(--ink)",
    borderColor: "var(--line)",
  },
  ".cm-panels-top": { borderBottom: "1px solid var(--line)" },
  ".sk-find": { position: "relative", padding: "0.5rem 3rem 0.5rem 0.75rem" },
  ".sk-find-row": {
    display: "flex",
    flexWrap: "wrap",
    alignItems: "center",
    gap: "0.25rem",
    fontFamily: "var(--font-sans)",
    fontSize: "0.8125rem",
  },
  ".sk-find-row[hidden]": { display: "none" },
  ".sk-find-row + .sk-find-row": { marginTop: "0.25rem" },
  ".sk-find .field": { flex: "0 1 16rem", minWidth: "8rem", minHeight: "2rem" },
  ".sk-find .btn": { minHeight: "2rem", padding: "0 0.625rem" },
  ".sk-find .sk-option": { minWidth: "2rem", padding: "0 0.25rem", fontWeight: "400" },
  ".sk-find .sk-option[aria-pressed=true]": {
    backgroundColor: "var(--honey)",
    color: "var(--on-honey)",
    fontWeight: "600",
  },
  ".sk-find .sk-close": {
    position: "absolute",
    top: "0.5rem",
    right: "0.75rem",
    width: "2rem",
    padding: "0",
    border: "none",
    fontSize: "1.125rem",
  },
  ".sk-count": { padding: "0 0.5rem", color: "var(--soft)" },
  ".cm-textfield": {
    minHeight: "1.75rem",
    padding: "0 0.5rem",
    border: "1px solid var(--edge)",
    borderRadius: "6px",
    backgroundColor: "var(--comb)",
    color: "var(--ink)",
  },
  ".cm-button": {
    minHeight: "1.75rem",
    padding: "0 0.5rem",
    border: "1px solid var(--edge)",
    borderRadius: "6px",
    background: "var(--comb)",
    color: "var(--ink)",
  },
  ".cm-panel.cm-dialog, .cm-panel.cm-gotoLine": {
    padding: "0.5rem 3rem 0.5rem 0.75rem",
    fontFamily: "var(--font-sans)",
    fontSize: "0.8125rem",
  },
  ".cm-panel.cm-dialog :is(label, input, button)": { fontSize: "0.8125rem" },
  ".cm-panel.cm-dialog form": { display: "flex", alignItems: "center", gap: "0.5rem" },
  ".cm-panel.cm-dialog :is(input, button)": { minHeight: "2rem" },
  ".cm-dialog-close": {
    minWidth: "28px",
    minHeight: "28px",
    fontSize: "1.125rem",
    color: "var(--ink)",
  },
  ".cm-vim-panel": { padding: "0.25rem 0.75rem", fontFamily: "var(--font-mono)" },
  ".cm-vim-panel input": { color: "var(--ink)", fontFamily: "var(--font-mono)" },
  ".cm-fat-cursor": {
    background: "color-mix(in srgb, var(--honey) 60%, transparent) !important",
    color: "var(--ink) !important",
  },
  ".cm-tooltip": {
    border: "1px solid var(--line)",
    borderRadius: "6px",
    backgroundColor: "var(--comb)",
    boxShadow: "var(--float)",
  },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": {
    background: "var(--honey-wash)",
    color: "var(--ink)",
  },
  ".sk-by": { borderBottom: "2px solid" },
  ".sk-by-unknown": { borderBottomStyle: "dotted", borderBottomColor: "var(--soft)" },
  ...hues,
});

const people = EditorView.baseTheme({
  ".sk-carets": { pointerEvents: "none" },
  ".sk-caret": {
    position: "absolute",
    width: "2px",
    marginLeft: "-1px",
    backgroundColor: "var(--hue)",
    transition: "left 80ms ease-out, top 80ms ease-out",
  },
  ".sk-caret > span": {
    position: "absolute",
    bottom: "100%",
    left: "0",
    padding: "0 0.3125rem",
    borderRadius: "4px 4px 4px 0",
    backgroundColor: "var(--hue)",
    color: "var(--on-hue)",
    font: "600 0.75rem/1.35 var(--font-sans)",
    whiteSpace: "nowrap",
    opacity: "0",
    transition: "opacity 160ms ease-out",
  },
  ".sk-caret.sk-first > span": { bottom: "auto", top: "100%", borderRadius: "0 4px 4px 4px" },
  ".sk-caret.sk-fresh > span": { opacity: "1" },
  ".sk-edge": {
    position: "absolute",
    right: "1rem",
    zIndex: "5",
    display: "flex",
    flexWrap: "wrap",
    justifyContent: "flex-end",
    gap: "0.25rem",
    maxWidth: "70%",
  },
  ".sk-above": { top: "0.5rem" },
  ".sk-below": { bottom: "0.5rem" },
  ".sk-edge button": {
    minHeight: "24px",
    padding: "0 0.5rem",
    borderRadius: "12px",
    backgroundColor: "var(--hue)",
    color: "var(--on-hue)",
    font: "600 0.75rem/1.5 var(--font-sans)",
  },
  ".sk-radar": {
    position: "absolute",
    zIndex: "4",
    width: "1rem",
    pointerEvents: "none",
  },
  ".sk-look": {
    position: "absolute",
    width: "5px",
    borderRadius: "3px",
    backgroundColor: "var(--hue)",
    opacity: "0.75",
    cursor: "pointer",
    pointerEvents: "auto",
    transition: "top 120ms ease-out, height 120ms ease-out",
  },
  ".sk-look:hover": { opacity: "1", width: "9px" },
});

const ink = HighlightStyle.define([
  { tag: [t.heading, t.strong], fontWeight: "600" },
  { tag: t.emphasis, fontStyle: "italic" },
  { tag: t.list, color: "var(--ink)" },
  { tag: t.strikethrough, textDecoration: "line-through" },
  { tag: [t.link, t.url], color: "var(--honey-ink)", textDecoration: "underline" },
  { tag: [t.keyword, t.modifier, t.operatorKeyword, t.tagName], color: "var(--hue-9)" },
  { tag: [t.string, t.special(t.string), t.regexp], color: "var(--moss)" },
  { tag: [t.number, t.bool, t.atom, t.null], color: "var(--hue-1)" },
  { tag: [t.comment, t.meta, t.processingInstruction], color: "var(--soft)" },
  { tag: [t.typeName, t.className, t.namespace], color: "var(--hue-6)" },
  { tag: [t.function(t.variableName), t.propertyName, t.attributeName], color: "var(--hue-8)" },
  { tag: [t.monospace], color: "var(--hue-1)" },
  { tag: t.invalid, color: "var(--brick)" },
]);

export const look = [chrome, people, syntaxHighlighting(ink)];
