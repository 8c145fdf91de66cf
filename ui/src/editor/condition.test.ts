import { describe, expect, it } from "vitest";
import { closeWords, condition, type Facts } from "./condition";
import { SavedCount } from "./frames";

const fine: Facts = {
  opened: true,
  connected: true,
  synced: true,
  saved: true,
  mayEdit: true,
  dirty: false,
  edits: 0,
  told: null,
  stopped: null,
};
const said = (change: Partial<Facts>) => {
  const { kind, label, detail } = condition({ ...fine, ...change });
  return { kind, said: `${label} ${detail}` };
};

describe("the chip beside a document", () => {
  it("says saved only when it is", () => {
    expect(said({})).toMatchObject({ kind: "live", said: expect.stringContaining("Saved") });
    expect(said({ saved: false })).toMatchObject({ kind: "saving" });
  });

  it("says why and what next when it is not", () => {
    const told = {
      state: "unsaved",
      code: "disk_full",
      detail: "No room.",
      hint: "Make some.",
    } as const;
    expect(said({ told }).said).toBe("Not saved: the disk is full No room. Make some.");
    expect(said({ told: { ...told, state: "read_only" } }).kind).toBe("read_only");
    expect(said({ connected: false }).said).toContain("Reconnecting, your edits are kept");
    expect(condition({ ...fine, connected: false }).waiting).toBeUndefined();
    expect(condition({ ...fine, connected: false, edits: 3 }).waiting).toBe("3 edits waiting");
    expect(said({ connected: false, mayEdit: false }).said).not.toContain("edits");
    expect(said({ mayEdit: false }).said).toContain("You can view");
  });

  it("keeps unsent text in view when the door closes", () => {
    const stopped = closeWords(4403, "This link was taken back.");
    expect(said({ stopped, dirty: true }).said).toContain("copy it");
    expect(said({ stopped }).said).not.toContain("copy it");
    expect(closeWords(4413, "").detail).not.toBe("");
  });
});

describe("counting what is saved", () => {
  it("counts only frames with edits, anew on each connection", () => {
    const count = new SavedCount();
    const frames = [
      [0, 0, 1],
      [1, 4],
      [0, 1, 2],
      [0, 2, 3],
    ].map((bytes) => new Uint8Array(bytes));
    for (const frame of frames) count.sending(frame);
    expect(count.sent).toBe(2);
    expect(count.saved).toBe(false);
    count.told(1);
    expect(count.saved).toBe(false);
    count.told(2);
    expect(count.saved).toBe(true);
    count.begin();
    expect(count.saved).toBe(false);
  });
});
