// Where the others are: going to them, following one of them, and asking them to come.

import { EditorView } from "@codemirror/view";
import { connection } from "../state/connection.svelte";
import { notices } from "../state/notices.svelte";
import { here } from "../state/place.svelte";
import { paths } from "../paths";
import { jump } from "./edges";
import { Askings, carets, sights, type InRoom } from "./people";
import type { Stage } from "./room.svelte";

/** Whoever leaves a file may be on the way to another one. */
const AWAY_MS = 4000;
const ASK_AGAIN_MS = 5000;
const ASKED_STAYS_MS = 20_000;

// A person who is followed from one file into the next.
let onTheWay: { person: string; until: number } | undefined;

/** What of one's own ends following: anything but a bare modifier. */
const INPUT = ["keydown", "wheel", "pointerdown", "touchmove"] as const;
const MODIFIERS = ["Shift", "Control", "Alt", "Meta", "CapsLock"];

export class Together {
  leader: InRoom | null = $state.raw(null);
  /** Just asked the others to come. */
  asked = $state(false);

  readonly #askings = new Askings();
  #view: EditorView | undefined;
  #stage: Stage | undefined;
  #people: InRoom[] = [];
  #lost: ReturnType<typeof setTimeout> | undefined;
  #shown = "";

  constructor(
    readonly file: string,
    /** Makes the text visible, where only its preview is. */
    readonly reveal: () => void,
  ) {}

  /** Binds to what stands on the page; the returned function lets go. */
  attach(view: EditorView, stage: Stage): () => void {
    this.#view = view;
    this.#stage = stage;
    const changed = () => this.#changed();
    stage.awareness.on("change", changed);
    this.#hear();
    return () => {
      stage.awareness.off("change", changed);
      this.#view = this.#stage = undefined;
    };
  }

  goTo(client: number) {
    const place = this.#placeOf(client);
    if (!this.#view || !place) return;
    this.reveal();
    jump(this.#view, place.head ?? place.top ?? 0);
  }

  follow(one: InRoom) {
    this.leader = one;
    this.#shown = "";
    this.reveal();
    notices.whisper(`You follow ${one.name}. Any key ends it.`);
    this.#keepUp();
  }

  stop() {
    if (!this.leader) return;
    notices.whisper(`You no longer follow ${this.leader.name}.`);
    this.leader = null;
    clearTimeout(this.#lost);
  }

  /** Ends following when the person does something in this pane. */
  readonly listen = (pane: HTMLElement) => {
    const own = (event: Event) => {
      if (!this.leader || (event.target as Element).closest("[data-follow]")) return;
      if (event instanceof KeyboardEvent && MODIFIERS.includes(event.key)) return;
      this.stop();
    };
    INPUT.forEach((kind) => pane.addEventListener(kind, own, { capture: true, passive: true }));
    return () => INPUT.forEach((kind) => pane.removeEventListener(kind, own, { capture: true }));
  };

  comeHere() {
    const awareness = this.#stage?.awareness;
    const state = awareness?.getLocalState() as { come?: number } | null | undefined;
    if (!awareness || !state || this.asked) return;
    awareness.setLocalStateField("come", (state.come ?? 0) + 1);
    this.asked = true;
    setTimeout(() => (this.asked = false), ASK_AGAIN_MS);
    notices.say("The others are asked to come to where you are.");
  }

  /** The people of the room changed. */
  met(people: InRoom[]) {
    this.#people = people;
    const { leader } = this;
    if (onTheWay && !leader) {
      const found = people.find((one) => one.person === onTheWay?.person);
      if (found && Date.now() < onTheWay.until) this.follow(found);
      if (found || Date.now() >= onTheWay.until) onTheWay = undefined;
    }
    if (!leader) return;
    const found = people.find((one) => one.person === leader.person);
    clearTimeout(this.#lost);
    if (found) {
      if (found.client !== leader.client || found.name !== leader.name) this.leader = found;
    } else {
      this.#lost = setTimeout(() => this.#gone(), AWAY_MS);
      this.elsewhere();
    }
  }

  /** Where the one who is followed went, if the hive says so. */
  elsewhere() {
    const { leader } = this;
    if (!leader || this.#people.some((one) => one.person === leader.person)) return;
    const [next] = connection.in(
      (one) => one.person.id === leader.person && one.file !== null && one.file !== this.file,
    );
    if (!next?.file) return;
    onTheWay = { person: leader.person, until: Date.now() + ASKED_STAYS_MS };
    this.end();
    here.go(paths.file(next.file));
  }

  end() {
    clearTimeout(this.#lost);
    this.leader = null;
  }

  #gone() {
    if (!this.leader) return;
    notices.say(`${this.leader.name} left this file.`);
    this.end();
  }

  #changed() {
    this.#hear();
    this.#keepUp();
  }

  #hear() {
    const stage = this.#stage;
    if (!stage) return;
    for (const one of this.#askings.hear(stage.awareness.states, stage.awareness.clientID)) {
      notices.say(`${one.name} asks you to come.`, {
        action: { label: "Go there", run: () => this.goTo(one.client) },
        ms: ASKED_STAYS_MS,
      });
    }
  }

  #placeOf(client: number): { top?: number; head?: number } | undefined {
    const stage = this.#stage;
    if (!stage) return undefined;
    const { awareness, text } = stage;
    const caret = carets(awareness.states, -1, text).find((one) => one.client === client);
    const sight = sights(awareness.states, -1, text).find((one) => one.client === client);
    if (!caret && !sight) return undefined;
    return { ...(sight && { top: sight.top }), ...(caret && { head: caret.head }) };
  }

  /** Shows what the leader sees; their caret, where this window is too low for both. */
  #keepUp() {
    const view = this.#view;
    const place = this.leader && this.#placeOf(this.leader.client);
    if (!view || !place) return;
    const shown = JSON.stringify(place);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { top, head } = place;
    view.requestMeasure({
      read: () => {
        const { length } = view.state.doc;
        const block = (at: number) => view.lineBlockAt(Math.min(at, length));
        const room = view.scrollDOM.clientHeight;
        const fits =
          top === undefined || head === undefined || block(head).bottom - block(top).top < room;
        return { to: Math.min((fits ? top : head) ?? head ?? 0, length), fits };
      },
      write: ({ to, fits }) => {
        const how = fits && top !== undefined ? "start" : "center";
        queueMicrotask(() => {
          if (this.#view !== view) return;
          view.dispatch({ effects: EditorView.scrollIntoView(to, { y: how, yMargin: 0 }) });
        });
      },
    });
  }
}
