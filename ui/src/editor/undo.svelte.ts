// What one person can take back and do again: their own edits, never those of others.

import * as Y from "yjs";

const ONE_STEP_MS = 400;

export class Undo {
  readonly manager: Y.UndoManager;
  canUndo = $state(false);
  canRedo = $state(false);

  constructor(text: Y.Text) {
    // No origin counts but those told to it: the text area tells its own.
    this.manager = new Y.UndoManager(text, {
      captureTimeout: ONE_STEP_MS,
      trackedOrigins: new Set(),
    });
    const look = () => {
      this.canUndo = this.manager.canUndo();
      this.canRedo = this.manager.canRedo();
    };
    for (const event of ["stack-item-added", "stack-item-popped", "stack-cleared"] as const) {
      this.manager.on(event, look);
    }
  }

  undo() {
    this.manager.undo();
  }

  redo() {
    this.manager.redo();
  }
}
