import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
const FRONTEND = join(ROOT, 'frontend');
const DIST = join(FRONTEND, 'dist');
/** What a build reads of this repository. */
const SOURCES = [
  'frontend/src',
  'frontend/public',
  'frontend/index.html',
  'frontend/vite.config.ts',
  'backend/src/contract',
];

/** Builds the dashboard when that has not been done since its sources changed. @returns the folder of the built files. */
export async function buildFrontend(): Promise<string> {
  const built = await stat(join(DIST, 'index.html')).catch(() => undefined);
  if (built === undefined || built.mtimeMs < (await newestSource())) {
    const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
    await promisify(execFile)(process.execPath, [vite, 'build', '--logLevel', 'warn'], {
      cwd: FRONTEND,
      // The runner's own `test` would build React for development: larger, and not what is shipped.
      env: { ...process.env, NODE_ENV: 'production' },
    });
  }
  return DIST;
}

async function newestSource(): Promise<number> {
  const times = await Promise.all(SOURCES.map((source) => newest(join(ROOT, source))));
  return Math.max(...times);
}

async function newest(path: string): Promise<number> {
  const { mtimeMs } = await stat(path);
  const names = await readdir(path, { recursive: true }).catch(() => []);
  const times = await Promise.all(names.map(async (name) => (await stat(join(path, name))).mtimeMs));
  return Math.max(mtimeMs, ...times);
}
