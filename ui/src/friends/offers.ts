// What is asked of the hive when an offer is taken up. Pure.

import type { Offer, OfferWish } from "../wire/hives";

interface Chosen {
  offer: Offer;
  place: string;
  name: string;
  /** `null`: everything. */
  folders: string[] | null;
}

const cleaned = (folder: string): string => folder.trim().replace(/^\/+|\/+$/g, "");

/** Only what differs from what the hive would do by itself. */
export function wishOf({ offer, place, name, folders }: Chosen): OfferWish {
  const wish: OfferWish = {};
  if (place.trim()) wish.path = place.trim();
  if (name.trim() && name.trim() !== offer.name) wish.name = name.trim();
  if (folders) wish.folders = [...new Set(folders.map(cleaned).filter(Boolean))];
  return wish;
}
