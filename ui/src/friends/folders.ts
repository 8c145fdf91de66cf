// Which folders of a share are to be on this computer, as a list that can be ticked. Pure.

import type { TopFolder } from "../wire/hives";

export interface FolderRow {
  path: string;
  bytes: number;
  state: "all" | "some" | "none";
  /** Folders inside that are chosen one by one. */
  parts: string[];
}

const within = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);
const top = (path: string): string => path.split("/")[0]!;

export const cleaned = (path: string): string =>
  path
    .split("/")
    .map((name) => name.trim())
    .filter((name) => name && name !== ".")
    .join("/");

/** One row for each folder at the top, by name, and for those that only a choice names. */
export function rowsOf(all: readonly TopFolder[], chosen: readonly string[]): FolderRow[] {
  const sizes = new Map(all.map((one) => [one.path, one.bytes]));
  for (const path of chosen) if (!sizes.has(top(path))) sizes.set(top(path), 0);
  return [...sizes]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([path, bytes]) => {
      const parts = chosen.filter((one) => within(one, path)).sort((a, b) => a.localeCompare(b));
      const state = chosen.includes(path) ? "all" : parts.length ? "some" : "none";
      return { path, bytes, state, parts };
    });
}

/** Takes a folder with all that is in it, or nothing of it. */
export function ticked(chosen: readonly string[], path: string, is: boolean): string[] {
  const rest = chosen.filter((one) => one !== path && !within(one, path));
  return is ? [...rest, path] : rest;
}

/** Takes a folder that lies deeper; what it lies in is then no longer taken as a whole. */
export function deeper(chosen: readonly string[], typed: string): string[] {
  const path = cleaned(typed);
  if (!path) return [...chosen];
  const rest = chosen.filter((one) => !within(path, one) && !within(one, path) && one !== path);
  return [...rest, path];
}

/** Bytes of the folders that come as a whole. */
export const bytesOf = (rows: readonly FolderRow[]): number =>
  rows.reduce((sum, row) => sum + (row.state === "all" ? row.bytes : 0), 0);
