// Notices a line that is dead although nobody closed it: a cable pulled, a network left, a laptop
// that slept. A socket alone takes half a minute or more to tell.

import type { WebsocketProvider } from "y-websocket";

const LOOK_MS = 2000;
const QUIET_LOOKS = 3;

/** Connects anew when an answer that `waiting` stands for does not come. Returns the end of it. */
export function watchLine(provider: WebsocketProvider, waiting: () => boolean): () => void {
  let heard = 0;
  let quiet = 0;

  // A computer without a network still reaches a hive of its own, so it is tried in any case.
  const again = () => {
    if (!provider.shouldConnect) return;
    quiet = 0;
    provider.disconnect();
    provider.connect();
  };

  const look = () => {
    const still = provider.wsconnected && waiting() && provider.wsLastMessageReceived === heard;
    heard = provider.wsLastMessageReceived;
    quiet = still ? quiet + 1 : 0;
    if (quiet >= QUIET_LOOKS) again();
  };

  const timer = setInterval(look, LOOK_MS);
  addEventListener("offline", again);
  addEventListener("online", again);
  return () => {
    clearInterval(timer);
    removeEventListener("offline", again);
    removeEventListener("online", again);
  };
}
