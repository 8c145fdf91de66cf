// Who is in the document and where their cursors stand. Pure mapping of awareness states.

import * as Y from "yjs";
import type { Awareness } from "y-protocols/awareness";
import type { Author } from "./authors";

export interface Caret {
  client: number;
  person: string;
  name: string;
  hue: number;
  anchor: number;
  head: number;
}

export interface InRoom {
  client: number;
  person: string;
  name: string;
  hue: number;
  /** Present without a place in the text. */
  away: boolean;
}

/** The part of the text that somebody sees. */
export interface Sight {
  client: number;
  person: string;
  name: string;
  hue: number;
  top: number;
  bottom: number;
}

interface State {
  user?: { person?: string; name?: string; hue?: number; color?: string };
  cursor?: { anchor: unknown; head: unknown } | null;
  view?: { top: unknown; bottom: unknown } | null;
  /** How often this client has asked the others to come to its place. */
  come?: number;
}

// Stock clients send a colour only: they get a hue of their own by number.
const hueOf = (state: State, client: number): number => {
  const hue = state.user?.hue;
  return typeof hue === "number" && hue >= 0 && hue < 12 ? Math.floor(hue) : client % 12;
};

const nameOf = (state: State): string => state.user?.name?.trim() || "Guest";

const indexOf = (relative: unknown, text: Y.Text): number | null => {
  try {
    // The binding of CodeMirror 5 writes its places as text.
    const place: unknown = typeof relative === "string" ? JSON.parse(relative) : relative;
    const position = Y.createRelativePositionFromJSON(place);
    const found = Y.createAbsolutePositionFromRelativePosition(position, text.doc!);
    return found?.type === text ? found.index : null;
  } catch {
    return null;
  }
};

type States = Awareness["states"];

export function carets(states: States, own: number, text: Y.Text): Caret[] {
  const list: Caret[] = [];
  for (const [client, raw] of states) {
    const state = raw as State;
    if (client === own || !state.cursor) continue;
    const anchor = indexOf(state.cursor.anchor, text);
    const head = indexOf(state.cursor.head, text);
    if (anchor === null || head === null) continue;
    const person = state.user?.person ?? String(client);
    list.push({ client, person, name: nameOf(state), hue: hueOf(state, client), anchor, head });
  }
  return list;
}

/** What each of the others sees; nothing of clients that do not tell. */
export function sights(states: States, own: number, text: Y.Text): Sight[] {
  const list: Sight[] = [];
  for (const [client, raw] of states) {
    const state = raw as State;
    if (client === own || !state.view) continue;
    const top = indexOf(state.view.top, text);
    const bottom = indexOf(state.view.bottom, text);
    if (top === null || bottom === null) continue;
    const person = state.user?.person ?? String(client);
    const [name, hue] = [nameOf(state), hueOf(state, client)];
    list.push({ client, person, name, hue, top, bottom: Math.max(top, bottom) });
  }
  return list;
}

/** Whose each client is, as far as they tell. */
export const known = (states: States): [number, Author][] =>
  [...states].flatMap(([client, raw]): [number, Author][] => {
    const state = raw as State;
    if (!state.user) return [];
    const key = state.user.person ?? String(client);
    return [[client, { key, name: nameOf(state), hue: hueOf(state, client) }]];
  });

/** One entry for each person; a window with a cursor counts before one without. */
export function inRoom(states: States, own: number): InRoom[] {
  const people = new Map<string, InRoom & { writes: boolean }>();
  for (const [client, raw] of states) {
    const state = raw as State;
    if (client === own || !state.user) continue;
    const person = state.user.person ?? String(client);
    const known = people.get(person);
    if (known && (known.writes || !state.cursor)) continue;
    const writes = Boolean(state.cursor);
    const away = !writes && !state.view;
    people.set(person, {
      client,
      person,
      name: nameOf(state),
      hue: hueOf(state, client),
      away,
      writes,
    });
  }
  const byName = [...people.values()].sort((a, b) => a.name.localeCompare(b.name));
  return byName.map(({ writes: _, ...one }) => one);
}

const relative = (text: Y.Text, index: number): unknown =>
  Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, index));

export const ownCursor = (text: Y.Text, anchor: number, head: number) => ({
  anchor: relative(text, anchor),
  head: relative(text, head),
});

export const ownSight = (text: Y.Text, top: number, bottom: number) => ({
  top: relative(text, top),
  bottom: relative(text, bottom),
});

/** Hears who newly asks the others to come; what was asked before this page came is past. */
export class Askings {
  #heard: Map<number, number> | undefined;

  hear(states: States, own: number): InRoom[] {
    const first = !this.#heard;
    const heard = (this.#heard ??= new Map<number, number>());
    const asking: InRoom[] = [];
    for (const [client, raw] of states) {
      const state = raw as State;
      const asked = typeof state.come === "number" ? state.come : 0;
      const before = heard.get(client);
      heard.set(client, Math.max(asked, before ?? 0));
      // Somebody who comes back on a new line says again what was heard.
      if (client === own || first || before === undefined || asked <= before) continue;
      const person = state.user?.person ?? String(client);
      const [name, hue] = [nameOf(state), hueOf(state, client)];
      asking.push({ client, person, name, hue, away: false });
    }
    return asking;
  }
}
