// The keys of Vim and Emacs, fetched when somebody wants them. Undoing is each person's own there
// too, and what is typed needs no saving.

import { Prec, type Extension } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";
import { yUndoManagerKeymap } from "y-codemirror.next";
import { notices } from "../state/notices.svelte";
import type { Keys } from "./settings.svelte";

const [undo, redo] = ["Mod-z", "Mod-Shift-z"].map(
  (key) => yUndoManagerKeymap.find((one) => one.key === key)?.run,
);

const saved = () => notices.say("What you type is saved as you type it.");

export async function keysFor(keys: Keys): Promise<Extension> {
  if (keys === "vim") return Prec.highest(await vimKeys());
  if (keys === "emacs") return Prec.highest(await emacsKeys());
  return [];
}

async function vimKeys(): Promise<Extension> {
  const { CodeMirror, Vim, vim } = await import("@replit/codemirror-vim");
  const ofOne = (run: typeof undo) => (cm: { cm6: EditorView }) => void run?.(cm.cm6);
  Object.assign(CodeMirror.commands, { undo: ofOne(undo), redo: ofOne(redo) });
  Vim.defineEx("write", "w", saved);
  return vim({ status: true });
}

async function emacsKeys(): Promise<Extension> {
  const { emacs, EmacsHandler } = await import("@replit/codemirror-emacs");
  EmacsHandler.addCommands({
    undoOwn: ({ view }: { view: EditorView }) => undo?.(view),
    saved,
  });
  EmacsHandler.bindKey("C-/|C-x u|S-C--|C-z", "undoOwn");
  EmacsHandler.bindKey("C-x C-s", "saved");
  return emacs();
}
