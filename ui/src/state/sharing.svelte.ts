// Shares what lies on this computer and remembers which thing's sheet is open.

import { api } from "../api";
import { notices } from "./notices.svelte";
import { shares } from "./shares.svelte";
import type { Share } from "../wire/types";

export interface Sheet {
  name: string;
  of: { share?: string; file?: string };
  /** The share that a file is part of: friends' hives take shares whole. */
  whole?: { id: string; name: string };
  fresh?: boolean;
}

class Sharing {
  sheet: Sheet | undefined = $state.raw();
  adding = $state(false);

  open(sheet: Sheet) {
    this.sheet = sheet;
  }

  async path(path: string): Promise<Share> {
    const share = await api.share(path);
    shares.put(share);
    this.adding = false;
    this.open({ name: share.name, of: { share: share.id }, fresh: true });
    return share;
  }

  async paths(paths: string[]) {
    for (const path of paths) {
      try {
        await this.path(path);
      } catch (cause) {
        notices.problem(cause);
      }
    }
  }
}

export const sharing = new Sharing();
