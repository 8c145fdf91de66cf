// Files dropped onto the desktop window: whoever is listening last gets them.

import { onNativeDrop } from "../platform";

class Drop {
  over = $state(false);
  #takers: ((paths: string[]) => void)[] = [];

  start(): () => void {
    return onNativeDrop({
      over: (is) => (this.over = is),
      dropped: (paths) => {
        this.over = false;
        this.#takers.at(-1)?.(paths);
      },
    });
  }

  take(taker: (paths: string[]) => void): () => void {
    this.#takers.push(taker);
    return () => {
      this.#takers = this.#takers.filter((one) => one !== taker);
    };
  }
}

export const drop = new Drop();
