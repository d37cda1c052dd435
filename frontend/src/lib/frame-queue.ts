/** Work that draws much: one piece a frame, in the order it was asked for, so that no frame has to take all of it. */
const waiting = new Set<() => void>();
let isRunning = false;

/** @param work once for each time it is asked for; asked again before its turn, it keeps that. @returns what takes it back */
export function onOwnFrame(work: () => void): () => void {
  waiting.add(work);
  if (!isRunning) {
    isRunning = true;
    requestAnimationFrame(runNext);
  }
  return () => void waiting.delete(work);
}

function runNext(): void {
  const [work] = waiting;
  isRunning = work !== undefined;
  if (work === undefined) return;
  requestAnimationFrame(runNext);
  waiting.delete(work);
  work();
}
