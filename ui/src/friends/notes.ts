// Which rows of a folder have something to be said of them. Pure.

import type { Waiting } from "../wire/hives";
import type { Note } from "../wire/types";
import { count } from "../words";

/** One note for each waiting file right in the folder, and one for each folder that holds some. */
export function notesOf(
  waiting: readonly Waiting[],
  folder: string,
  tell: (list: Waiting[], path: string) => void,
): Map<string, Note> {
  const lists = new Map<string, Waiting[]>();
  const start = folder ? `${folder}/` : "";
  for (const one of waiting) {
    if (!one.path.startsWith(start)) continue;
    const name = one.path.slice(start.length).split("/")[0]!;
    const path = start + name;
    lists.set(path, [...(lists.get(path) ?? []), one]);
  }
  return new Map(
    [...lists].map(([path, list]) => {
      const [first] = list;
      const own = list.length === 1 && first!.path === path;
      return [
        path,
        {
          detail: own ? first!.detail : `${count(list.length, "file")} in it not in step.`,
          hint: own ? first!.hint : "",
          tell: () => tell(list, path),
        },
      ];
    }),
  );
}
