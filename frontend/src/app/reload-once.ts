/** After an update of the server the files this page would still load are gone: a reload fetches the new ones, once. */
import { tabStore } from '../lib/safe-storage.ts';

const STORAGE_KEY = 'agw.reloaded-at';
/** A second failure so soon has another cause: it is shown. */
const AGAIN_MS = 60_000;

export function reloadOnceOnMissingChunk(): void {
  addEventListener('vite:preloadError', () => void reloadOnce());
}

async function reloadOnce(): Promise<void> {
  // While the server is away a reload would take even this page.
  if (hasJustReloaded() || !(await isServerThere())) return;
  tabStore.set(STORAGE_KEY, String(Date.now()));
  location.reload();
}

async function isServerThere(): Promise<boolean> {
  const answer = await fetch('/', { method: 'HEAD', cache: 'no-store' }).catch(() => undefined);
  return answer?.ok === true;
}

function hasJustReloaded(): boolean {
  const at = tabStore.get(STORAGE_KEY);
  if (at !== undefined) return Date.now() - Number(at) < AGAIN_MS;
  // Without storage the browser's own record of the last navigation must do.
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  return navigation?.type === 'reload';
}
