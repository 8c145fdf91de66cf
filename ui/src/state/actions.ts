// Every action of the owner's app with its key: the palette, the help and the keys read this table.

import { paths } from "../paths";
import { pause, resume } from "./pause";
import { here } from "./place.svelte";
import { session } from "./session.svelte";
import { sharing } from "./sharing.svelte";
import { theme } from "./theme.svelte";
import { overlay } from "./overlay.svelte";

export interface Action {
  id: string;
  name: string;
  /** As `event.key`; with Ctrl (or Command) where `ctrl` is set. */
  key?: string;
  ctrl?: boolean;
  run(): void;
  when?(): boolean;
}

const paused = () => Boolean(session.status?.paused);

export const ACTIONS: Action[] = [
  {
    id: "palette",
    name: "Find a file or an action",
    key: "k",
    ctrl: true,
    run: () => overlay.toggle("palette"),
  },
  { id: "help", name: "Show the shortcuts", key: "?", run: () => overlay.toggle("help") },
  { id: "home", name: "Go home", key: "h", run: () => here.go(paths.home) },
  { id: "share", name: "Share a folder or file", key: "n", run: () => (sharing.adding = true) },
  { id: "friends", name: "Friends", key: "f", run: () => here.go(paths.friends) },
  { id: "invite", name: "Invite a friend", run: () => here.go(`${paths.friends}?invite`) },
  {
    id: "two",
    name: "Two versions",
    key: "v",
    run: () => here.go(paths.two),
  },
  { id: "keys", name: "Keys: who and what can get in", run: () => here.go(paths.keys) },
  { id: "settings", name: "Settings", key: ",", ctrl: true, run: () => here.go(paths.settings) },
  { id: "pause", name: "Pause the hive", run: () => void pause(null), when: () => !paused() },
  { id: "resume", name: "Resume the hive", run: () => void resume(), when: paused },
  { id: "light", name: "Light theme", run: () => theme.set("light") },
  { id: "dark", name: "Dark theme", run: () => theme.set("dark") },
  { id: "system", name: "Theme of the system", run: () => theme.set("system") },
];

/** Keys that belong to a place rather than to the whole app, for the help. */
export const PLACE_KEYS: { where: string; keys: [string, string][] }[] = [
  {
    where: "In a list of files",
    keys: [
      ["↑ ↓ Home End PgUp PgDn", "Move"],
      ["Letters", "Go to a name"],
      ["Enter", "Open"],
      ["Space", "Look without opening"],
      ["Shift + ↑ ↓, Ctrl + A", "Select several"],
      ["/", "Search by name"],
      ["Backspace", "One folder up"],
    ],
  },
  {
    where: "In a text",
    keys: [
      ["Ctrl + Z, Ctrl + Y", "Undo and redo what you wrote"],
      ["Ctrl + F", "Find and replace"],
      ["Ctrl + Alt + G", "Go to a line"],
      ["Any key", "Stop following somebody"],
      ["Esc, then Tab", "Leave the text by keyboard"],
    ],
  },
  {
    where: "Among two versions",
    keys: [
      ["1, 2 and 3", "Keep left, right, both"],
      ["↑ ↓ in the list", "Another file"],
    ],
  },
  {
    where: "In a picture",
    keys: [
      ["+ and -", "Larger and smaller"],
      ["0 and 1", "Fit, and natural size"],
    ],
  },
];

export const isTyping = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest("input, textarea, select, [contenteditable=true], [role=grid], dialog") !== null;

/** The action a key press asks for. Plain letters mean nothing while somebody types. */
export function actionFor(event: KeyboardEvent, list: Action[] = ACTIONS): Action | undefined {
  const ctrl = event.ctrlKey || event.metaKey;
  if (event.altKey || (!ctrl && isTyping(event.target))) return undefined;
  const key = event.key.toLowerCase();
  return list.find(
    (action) => action.key === key && Boolean(action.ctrl) === ctrl && (action.when?.() ?? true),
  );
}
