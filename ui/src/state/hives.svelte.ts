// What friends' hives wait for on every page: offers, and files with two versions.

import { hives as call } from "../hives";
import type { Offer, TwoVersions } from "../wire/hives";
import { changes, gather } from "./changes";

class Hives {
  offers: Offer[] = $state.raw([]);
  apart: TwoVersions[] = $state.raw([]);

  start(): () => void {
    const offered = gather(() => this.loadOffers(), 200);
    // Hives tell of every step they make: a count need not follow each.
    const parted = gather(() => this.loadApart(), 1500);
    void this.load();
    const ends = [
      changes.on(["friend", "member", "offer"], () => offered.ask()),
      changes.on(["file", "removed", "sync", "share"], () => parted.ask()),
      () => offered.end(),
      () => parted.end(),
    ];
    return () => ends.forEach((end) => end());
  }

  load(): Promise<unknown> {
    return Promise.all([this.loadOffers(), this.loadApart()]);
  }

  /** What cannot be fetched just now stays as it was: the page it belongs to says why. */
  async loadOffers() {
    this.offers = await call.offers().catch(() => this.offers);
  }

  async loadApart() {
    this.apart = await call.twoVersions().catch(() => this.apart);
  }
}

export const hives = new Hives();
