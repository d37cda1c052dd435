import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { startFakeHub } from '../support/fake-hub.ts';
import { startGateway } from '../support/gateway-process.ts';
import { noise, sha256 } from '../support/hub-fixture.ts';
import { postSpeech } from '../support/post-speech.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROUNDS = 20;
const SEED = 7;
const MARKER = noise(400_000, 'marker');

/** Files a gateway or Python would take for downloaded, with what they hold. */
async function visibleFiles(cacheDir: string): Promise<{ path: string; sha256: string }[]> {
  const root = join(cacheDir, 'models--fake--echo');
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  const named = entries.filter((entry) => !entry.isDirectory() && /\/(snapshots|blobs)/.test(entry.parentPath));
  const finished = named.filter(({ name }) => !name.endsWith('.partial'));
  return await Promise.all(
    finished.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const content = await readFile(path);
      return { path, sha256: createHash('sha256').update(content).digest('hex') };
    }),
  );
}

it('20 kills of the gateway in a download: never a wrong file to see, and the rest is fetched, not all', async () => {
  const hub = await startFakeHub({ repos: { 'fake/echo': { 'marker.txt': MARKER } }, lfsBytes: 1_000 });
  onTestFinished(() => hub.close());
  hub.faults.add({ kind: 'slow', bytesPerSecond: 150_000 });
  const dir = await tempDir();
  const cacheDir = join(dir, 'models');
  const random = seededRandom(SEED);
  const bodies = () => hub.requests.filter(({ origin }) => origin === 'storage');

  for (let round = 0; round < ROUNDS; round += 1) {
    const gateway = await startGateway({ dir, env: { HF_ENDPOINT: hub.url } });
    const before = bodies().length;
    const request = postSpeech(gateway.url).catch(() => 'cut');
    await waitUntil('bytes flow', () => bodies().length > before && (bodies().at(-1)?.bytes ?? 0) > 0);
    await sleep(random() * 100);
    gateway.signal('SIGKILL');
    await gateway.ended;
    expect(await request).toBe('cut');
    for (const file of await visibleFiles(cacheDir)) expect(file).toMatchObject({ sha256: sha256(MARKER) });
  }

  hub.faults.clear();
  const gateway = await startGateway({ dir, env: { HF_ENDPOINT: hub.url } });
  expect(await postSpeech(gateway.url, { prompt: 'say:complete' })).toMatchObject({ status: 200, text: 'complete' });
  const visible = await visibleFiles(cacheDir);
  expect(visible.length).toBeGreaterThanOrEqual(2);
  for (const file of visible) expect(file).toMatchObject({ sha256: sha256(MARKER) });

  const continued = bodies().filter(({ range }) => /^bytes=[1-9]/.test(range ?? ''));
  expect(continued.length).toBeGreaterThan(ROUNDS / 2);
  // What a kill loses is what was on its way, far less than the file.
  const sent = bodies().reduce((sum, { bytes }) => sum + bytes, 0);
  expect(sent).toBeLessThan(2 * MARKER.length);
}, 240_000);
