// Pictures that are pasted or dropped: stored beside the text, and linked where the caret stands.

import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import * as Y from "yjs";
import { asProblem, verbs } from "../api";
import { parentOf } from "../paths";
import { notices } from "../state/notices.svelte";
import type { File as SharedFile } from "../wire/types";

const ENDINGS: Record<string, string> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/gif": "gif",
  "image/webp": "webp",
  "image/avif": "avif",
  "image/svg+xml": "svg",
};
/** As large as the hive takes in one piece. */
const BYTES_MOST = 25_000_000;
const TRIES = 20;

const two = (n: number): string => String(n).padStart(2, "0");

/** The picture's own name where it has one, else the text's name with the time. */
export function pictureName(
  document: string,
  { name, type }: { name: string; type: string },
  now: Date,
): string {
  // What browsers call a picture of the clipboard.
  if (name && name !== "image.png") return name.replace(/[<>:"/\\|?*\p{Cc}]/gu, "-").slice(-120);
  const stem = (document.split("/").at(-1) ?? "").replace(/\.[^.]*$/, "") || "picture";
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return `${stem}-${day}-${time}.${ENDINGS[type] ?? "png"}`;
}

export const numbered = (name: string, n: number): string =>
  n < 2 ? name : name.replace(/(\.[^.]*)?$/, (ending) => `-${n}${ending}`);

export function linkTo(name: string): string {
  const words = name.replace(/\.[^.]*$/, "").replace(/[[\]]/g, "");
  const path = encodeURI(name).replace(
    /[()?#]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `![${words}](${path})`;
}

const picturesIn = (data: DataTransfer | null): File[] =>
  [...(data?.files ?? [])].filter((file) => file.type in ENDINGS);

/** Stores a picture under the first free name of its own, and gives that name. */
async function store(share: string, folder: string, name: string, picture: Blob): Promise<string> {
  for (let n = 1; ; n += 1) {
    const free = numbered(name, n);
    const path = folder ? `${folder}/${free}` : free;
    try {
      await verbs.upload<SharedFile>(`/shares/${share}/files`, { path }, picture);
      return free;
    } catch (cause) {
      if (asProblem(cause).code !== "taken" || n === TRIES) throw cause;
    }
  }
}

export function pictures(text: Y.Text, share: string, document: string): Extension {
  const take = async (view: EditorView, files: File[], at: number) => {
    // Others write meanwhile: the place moves with the text.
    const place = Y.createRelativePositionFromTypeIndex(text, at);
    for (const file of files) {
      try {
        if (file.size > BYTES_MOST) {
          notices.say(`“${file.name}” is larger than 25 MB.`, {
            hint: "Put it into the shared folder itself, and link it by its name.",
            tone: "bad",
          });
          continue;
        }
        const wanted = pictureName(document, file, new Date());
        const name = await store(share, parentOf(document), wanted, file);
        const found = text.doc && Y.createAbsolutePositionFromRelativePosition(place, text.doc);
        const from = Math.min(found?.index ?? at, view.state.doc.length);
        const insert = linkTo(name);
        view.dispatch({
          changes: { from, insert },
          selection: { anchor: from + insert.length },
          userEvent: "input.paste",
        });
      } catch (cause) {
        notices.problem(cause);
      }
    }
  };
  const taken = (view: EditorView, event: Event, data: DataTransfer | null, at: number) => {
    const found = picturesIn(data);
    // Programs for tables and texts put a picture of the words beside the words.
    if (!found.length || view.state.readOnly || data?.types.includes("text/plain")) return false;
    event.preventDefault();
    void take(view, found, at);
    return true;
  };
  return EditorView.domEventHandlers({
    paste: (event, view) => taken(view, event, event.clipboardData, view.state.selection.main.head),
    drop: (event, view) =>
      taken(
        view,
        event,
        event.dataTransfer,
        view.posAtCoords({ x: event.clientX, y: event.clientY }) ?? view.state.doc.length,
      ),
  });
}
