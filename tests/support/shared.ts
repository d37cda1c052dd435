/**
 * The reference material (real weights, recordings, captured requests) that lies beside the project in its workplace
 * and in CI, but not in a user's clone.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';

export const PROJECT_ROOT = resolve(fileURLToPath(new URL('../..', import.meta.url)));
export const SHARED_ROOT = resolve(PROJECT_ROOT, '../shared');
export const hasShared = existsSync(join(SHARED_ROOT, 'hub'));

/** Absolute path of a file of the reference material. */
export function shared(...parts: string[]): string {
  return join(SHARED_ROOT, ...parts);
}

/** `describe` for tests that need the reference material: without it they are skipped, and say so. */
export function describeWithShared(title: string, body: () => void): void {
  if (hasShared) {
    describe(title, body);
    return;
  }
  process.stderr.write(`SKIPPED: "${title}" needs the reference material at ../shared, which is not here\n`);
  describe.skip(`${title} (needs ../shared)`, body);
}
