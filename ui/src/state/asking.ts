// Asks once nothing has changed for a moment; what was asked before that is not heard any more.

/** Gives back how to stop, as an effect wants it. */
export function askSoon<T>(
  ms: number,
  ask: () => Promise<T>,
  found: (answer: T) => void,
  failed: (cause: unknown) => void,
): () => void {
  let over = false;
  const timer = setTimeout(() => {
    ask().then(
      (answer) => {
        if (!over) found(answer);
      },
      (cause: unknown) => {
        if (!over) failed(cause);
      },
    );
  }, ms);
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
