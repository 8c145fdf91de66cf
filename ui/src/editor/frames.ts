// Counts the frames that carry edits and what the hive says is durable. Pure.

const SYNC = 0;
const STEP_2 = 1;
const UPDATE = 2;

/** True for sync step 2 and sync update, the two frames whose content may be new to the hive. */
export const carriesEdits = (frame: Uint8Array): boolean =>
  frame[0] === SYNC && (frame[1] === STEP_2 || frame[1] === UPDATE);

/** One connection's count; a new connection begins at nothing. */
export class SavedCount {
  sent = 0;
  stored = 0;

  constructor(readonly changed: () => void = () => {}) {}

  begin() {
    this.sent = 0;
    this.stored = 0;
    this.changed();
  }

  sending(frame: Uint8Array) {
    if (!carriesEdits(frame)) return;
    this.sent += 1;
    this.changed();
  }

  told(stored: number) {
    this.stored = Math.max(this.stored, stored);
    this.changed();
  }

  /** The first counted frame is the answer to the hive's step 1: before it nothing is known. */
  get saved(): boolean {
    return this.sent > 0 && this.stored >= this.sent;
  }
}
