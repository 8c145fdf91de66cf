// Who is in the document and where their cursors stand. Pure mapping of awareness states.

import * as Y from "yjs";
import type { Awareness } from "y-protocols/awareness";

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
  away: boolean;
}

interface State {
  user?: { person?: string; name?: string; hue?: number; color?: string };
  cursor?: { anchor: unknown; head: unknown } | null;
}

// Stock clients send a colour only: they get a hue of their own by number.
const hueOf = (state: State, client: number): number => {
  const hue = state.user?.hue;
  return typeof hue === "number" && hue >= 0 && hue < 12 ? Math.floor(hue) : client % 12;
};

const nameOf = (state: State): string => state.user?.name?.trim() || "Guest";

const indexOf = (relative: unknown, text: Y.Text): number | null => {
  try {
    const position = Y.createRelativePositionFromJSON(relative);
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

/** One entry for each person; a window with a cursor counts before one without. */
export function inRoom(states: States, own: number): InRoom[] {
  const people = new Map<string, InRoom>();
  for (const [client, raw] of states) {
    const state = raw as State;
    if (client === own || !state.user) continue;
    const person = state.user.person ?? String(client);
    const known = people.get(person);
    if (known && (!known.away || !state.cursor)) continue;
    const away = !state.cursor;
    people.set(person, { client, person, name: nameOf(state), hue: hueOf(state, client), away });
  }
  return [...people.values()].sort((a, b) => a.name.localeCompare(b.name));
}

export function ownCursor(text: Y.Text, anchor: number, head: number) {
  return {
    anchor: Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, anchor)),
    head: Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, head)),
  };
}
