/** The router notes that a page was left for another; the next page's heading takes the focus, once. */
let pending = false;

export function noteNavigation(): void {
  pending = true;
}

export function takeNavigation(): boolean {
  const taken = pending;
  pending = false;
  return taken;
}
