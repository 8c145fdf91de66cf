// The boxes of a Markdown text, where they stand in it.

import { markdownLanguage } from "@codemirror/lang-markdown";

interface Edit {
  from: number;
  to: number;
  insert: string;
}

/** The edit that ticks a task, or takes its tick away; null when the text has other tasks. */
export function taskEdit(text: string, task: number, of: number): Edit | null {
  const boxes: { from: number; to: number }[] = [];
  markdownLanguage.parser.parse(text).iterate({
    enter: ({ name, from, to }) => void (name === "TaskMarker" && boxes.push({ from, to })),
  });
  const box = boxes[task];
  if (!box || boxes.length !== of) return null;
  const done = text.slice(box.from, box.to).toLowerCase() === "[x]";
  return { ...box, insert: done ? "[ ]" : "[x]" };
}
