// Where the reader is: the page of the present URL, moved by history and by plain links.
// A router of its own because a guest's pages live under a link that is only known at run time,
// and because the secret in the fragment must stay there through every step.

import { linkOf, parse, type Place } from "../paths";

class Here {
  place: Place = $state.raw(parse(location.pathname));
  query = $state.raw(new URLSearchParams(location.search));
  /** Counts steps, so that a page can put the focus on its heading after each. */
  steps = $state(0);

  #read() {
    this.place = parse(location.pathname);
    this.query = new URLSearchParams(location.search);
    this.steps += 1;
  }

  go(url: string, how: "push" | "replace" = "push") {
    const kept = linkOf(location.pathname) ? location.hash : "";
    const to = url + kept;
    if (how === "replace") history.replaceState(null, "", to);
    else history.pushState(null, "", to);
    this.#read();
    scrollTo(0, 0);
  }

  /** Says in the address how the page is shown, without a step. */
  note(query: URLSearchParams) {
    history.replaceState(null, "", `?${query}${location.hash}`);
    this.query = query;
  }

  /** Plain links to our own pages become steps; everything else is left to the browser. */
  follow(): () => void {
    const click = (event: MouseEvent) => {
      if (event.defaultPrevented || event.button !== 0) return;
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      const anchor = (event.target as Element).closest?.("a");
      if (!anchor || anchor.target || anchor.hasAttribute("download")) return;
      if (anchor.origin !== location.origin) return;
      const same = linkOf(anchor.pathname) === linkOf(location.pathname);
      if (!same || parse(anchor.pathname).page === "lost" || anchor.hash) return;
      event.preventDefault();
      this.go(anchor.pathname + anchor.search);
    };
    const back = () => this.#read();
    addEventListener("click", click);
    addEventListener("popstate", back);
    return () => {
      removeEventListener("click", click);
      removeEventListener("popstate", back);
    };
  }
}

export const here = new Here();
