/** A Chromium for the browser tests: the machine's own, else installed where that needs no one's permission. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { aptInstall } from './apt-install.ts';

const run = promisify(execFile);

const CANDIDATES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'].map(
  (name) => `/usr/bin/${name}`,
);

export const CHROMIUM_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export type Chromium = { path: string; missing?: undefined } | { path?: undefined; missing: string };

/** @returns the program's path, or why there is none. */
export async function findChromium(): Promise<Chromium> {
  const { CHROMIUM_PATH } = process.env;
  const found = await firstThatStarts(CHROMIUM_PATH === undefined ? CANDIDATES : [CHROMIUM_PATH]);
  if (found !== undefined) return { path: found };
  if (CHROMIUM_PATH !== undefined) return { missing: 'the program CHROMIUM_PATH names does not start' };
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return { missing: 'no Chromium here, and only root on Linux can install it: apt-get install -y chromium' };
  }
  process.stderr.write('Installing chromium for the browser tests …\n');
  try {
    await aptInstall('chromium');
  } catch (error) {
    return { missing: `no Chromium here, and installing it failed: ${lastLine(error)}` };
  }
  const path = await firstThatStarts(CANDIDATES);
  return path === undefined ? { missing: 'the installed chromium does not start' } : { path };
}

/** On some distributions `chromium-browser` is a stub that only names another package. */
async function firstThatStarts(paths: string[]): Promise<string | undefined> {
  for (const path of paths) {
    const version = await run(path, ['--version', '--no-sandbox'], { timeout: 20_000 }).catch(() => undefined);
    if (version !== undefined) return path;
  }
  return undefined;
}

function lastLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n').at(-1) ?? text;
}
