/** Stems that do not fit on the disk: the caller hears of it, and nothing half-written is left to be fetched. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../backend/src/contract/jobs.ts';
import { jobFolders } from '../../backend/src/jobs/data-folders.ts';
import { type FakeHub, startFakeHub } from '../support/fake-hub.ts';
import { seededUniform } from '../support/seeded-weights.ts';
import { shareGraph } from '../support/share-graph.ts';
import { canMount, mountSmallDisk } from '../support/small-disk.ts';
import { wavOf } from '../support/wav.ts';
import { type Api, errorOf, json, startApi, toForm } from './start-api.ts';

const TITLE = 'a separation on a full disk';
const MODEL = 'shares';
const NOISE = Float32Array.from(seededUniform('disk full', 48_000), (sample) => sample / 2);

describe.skipIf(!canMount(TITLE))(TITLE, () => {
  let hub: FakeHub;
  let api: Api;
  beforeAll(async () => {
    const graph = shareGraph([0.1, 0.2, 0.3, 0.4], 44_100);
    hub = await startFakeHub({ repos: { 'tests/shares': { 'htdemucs.onnx': graph } } });
    api = await startApi({ env: { HF_ENDPOINT: hub.url } });
    const added = await api.fetch('/api/admin/models', {
      method: 'POST',
      headers: { authorization: `Bearer ${api.app.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: MODEL, family: 'demucs', repo: 'tests/shares', settings: { license: 'MIT' } }),
    });
    expect(added.status).toBe(201);
  });
  afterAll(async () => {
    await api.close();
    await hub.close();
  });

  // 3 s decoded are 1.01 MiB, each of four stems 0.5 MiB, as flac some less.
  it.each([
    ['the decoded audio', 'work', 512, 'wav'],
    ['a wav', 'work', 2048, 'wav'],
    ['a flac', 'work', 1152, 'flac'],
    ['the artifacts', 'artifacts', 512, 'wav'],
  ] as const)('does not fit in %s: 507, the job failed, nothing is left', async (_, folder, kibibytes, format) => {
    const path = jobFolders(join(api.app.dir, 'data'))[folder];
    mountSmallDisk(path, kibibytes);
    const file = new File([wavOf(NOISE)], 'song.wav');
    const response = await api.fetch('/v1/audio/separations', {
      method: 'POST',
      body: toForm({ file, model: MODEL, output_format: format }),
    });
    expect(await errorOf(response)).toMatchObject({ status: 507, code: 'insufficient_storage', type: 'server_error' });

    const jobs = await json<{ data: Job[] }>(await api.fetch('/v1/jobs'));
    const [job] = jobs.data;
    expect(job).toMatchObject({ status: 'failed', error: { code: 'insufficient_storage' } });
    expect(job?.artifacts.map(({ name }) => name)).toEqual(['manifest.json']);
    for (const name of ['drums.wav', 'drums.flac']) {
      expect((await api.fetch(`/v1/jobs/${job?.id}/artifacts/${name}`)).status).toBe(404);
    }
    // What lies under a hash is whole; there is nothing of a stem beside it.
    const left = await readdir(path, { recursive: true, withFileTypes: true });
    for (const entry of left.filter((each) => each.isFile())) {
      if (/^[0-9a-f]{64}$/.test(entry.name)) {
        const content = await readFile(join(entry.parentPath, entry.name));
        expect(createHash('sha256').update(content).digest('hex')).toBe(entry.name);
      } else expect(entry.name).toMatch(/\.json$/);
    }
  });
});
