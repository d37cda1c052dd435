/** A fake hub and an empty cache for one test. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { DownloadOptions } from '../../backend/src/hub/download.ts';
import { type FakeHub, type FakeHubOptions, startFakeHub } from './fake-hub.ts';
import { tempDir } from './temp-dir.ts';

export interface HubFixture {
  hub: FakeHub;
  /** Not yet there: making it is the code's task. */
  cacheDir: string;
  /** Options for a download of `acme/voice` at `main`, retries short. */
  options(overrides?: Partial<DownloadOptions>): DownloadOptions;
}

export const REPO = 'acme/voice';
export const FAST_RETRY = { attempts: 4, baseMs: 10, maxMs: 40 };

/** A file of each kind: an LFS file by name in a folder, small text, an empty one, one deeper down. */
export const FILES = {
  'onnx/model.onnx': noise(300_000, 'model'),
  'config.json': '{"sample_rate": 16000}\n',
  'empty.txt': '',
  'a/b/vocab.txt': 'one\ntwo\n',
} as const;

export async function hubFixture(options: FakeHubOptions = { repos: { [REPO]: FILES } }): Promise<HubFixture> {
  const hub = await startFakeHub(options);
  onTestFinished(() => hub.close());
  const cacheDir = join(await tempDir(), 'cache');
  return {
    hub,
    cacheDir,
    options: (overrides = {}) => ({
      cacheDir,
      endpoint: hub.url,
      repo: REPO,
      revision: 'main',
      files: Object.keys(FILES),
      signal: new AbortController().signal,
      retry: FAST_RETRY,
      ...overrides,
    }),
  };
}

/** Bytes that look random and follow from a seed. */
export function noise(bytes: number, seed: string): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes / 64) }, (_, index) =>
    createHash('sha512').update(`${seed} ${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, bytes);
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function gitSha1(bytes: string | Uint8Array): string {
  return createHash('sha1')
    .update(`blob ${Buffer.byteLength(bytes)}\0`)
    .update(bytes)
    .digest('hex');
}
