// The calls about the past, fetched with the page that shows it.

import { verbs } from "../api";
import type { File } from "../wire/types";
import type { Author, Past } from "./past";

const { get, patch, post } = verbs;

export interface Changed {
  file: string;
  path: string;
  /** Where it stood before. */
  was: string | null;
  verb: "added" | "changed" | "removed" | "renamed";
  edited: boolean;
  kind: "file" | "link";
  size: number;
  at: number;
  by: Author[];
  before: number | null;
  now: number | null;
}

export const calls = {
  past: (file: string) => get<Past>(`/files/${file}/past`),
  name: (file: string, at: number, name: string | null) =>
    patch<void>(`/files/${file}/past`, { at, name }),
  copy: (file: string, at: number, name: string) =>
    post<File>(`/files/${file}/past/restore`, { at, as_copy: true, name }),
  changes: (share: string, path: string, since: number) =>
    get<Changed[]>(`/shares/${share}/changes`, { path, since }),
};
