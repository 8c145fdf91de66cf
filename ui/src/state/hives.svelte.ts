// What friends' hives wait for on every page: offers, and files with two versions.

import { hives as call } from "../hives";
import type { Offer, TwoVersions } from "../wire/hives";
import { changes, gather } from "./changes";

class Hives {
  offers: Offer[] = $state.raw([]);
  apart: TwoVersions[] = $state.raw([]);

  start(): () => void {
    const again = gather(() => void this.load(), 1500);
    void this.load();
    const off = changes.on(
      ["friend", "member", "offer", "file", "removed", "sync", "version", "settings"],
      () => again.ask(),
    );
    return () => {
      off();
      again.end();
    };
  }

  /** What cannot be fetched just now stays as it was: the page it belongs to says why. */
  async load() {
    const [offers, apart] = await Promise.allSettled([call.offers(), call.twoVersions()]);
    if (offers.status === "fulfilled") this.offers = offers.value;
    if (apart.status === "fulfilled") this.apart = apart.value;
  }
}

export const hives = new Hives();
