/** The longest wait; a browser that does not tell when it is idle takes all of it. */
const IDLE_MS = 1_000;

/** Resolves when the page has nothing to do. */
export function untilIdle(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof requestIdleCallback === 'undefined') setTimeout(resolve, IDLE_MS);
    else requestIdleCallback(() => resolve(), { timeout: IDLE_MS });
  });
}
