/** E12, E14: limits as the official Python client meets them; `OPENAI_PYTHON` as in `openai-python.test.ts`. */
import { execFile, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiKeyWithSecret, KeyLimits } from '../../backend/src/contract/keys.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { type Api, eventually, json, STUB_AUDIO, startApi } from './start-api.ts';

const PYTHON = process.env.OPENAI_PYTHON ?? 'python3';
const SCRIPT = fileURLToPath(new URL('../support/openai_limits.py', import.meta.url));
const canRun = spawnSync(PYTHON, ['-c', 'import openai']).status === 0;
if (!canRun) process.stderr.write('SKIPPED: the Python client needs OPENAI_PYTHON: a Python with "openai"\n');

describe.skipIf(!canRun)('limits and the Python client', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.close());

  const asAdmin = { authorization: `Bearer ${ADMIN_KEY}` };
  async function makeKey(limits: Partial<KeyLimits>): Promise<ApiKeyWithSecret> {
    const body = JSON.stringify({ name: 'limited', limits });
    return json<ApiKeyWithSecret>(await api.fetch('/api/admin/keys', { method: 'POST', headers: asAdmin, body }));
  }

  /** When (in ms) the gateway said 429 to the key. */
  async function refusals(id: string): Promise<number[]> {
    const log = await readFile(join(api.app.dir, 'logs', 'gateway.log'), 'utf8');
    const lines = log
      .trimEnd()
      .split('\n')
      .map((line): Record<string, string | number> => JSON.parse(line));
    return lines
      .filter((line) => line.key_id === id && line.status === 429)
      .map((line) => Date.parse(`${line.timestamp}`));
  }

  it('a place that stays taken is tried three times, a second apart; a quota that is used up once', async () => {
    const busy = await makeKey({ concurrent_jobs: 1 });
    const exhausted = await makeKey({ audio_seconds_per_day: 0 });
    const headers = { authorization: `Bearer ${busy.secret}` };
    const stop = new AbortController();
    const running = api.transcribe({ prompt: 'sleep:60000' }, { headers, signal: stop.signal }).catch(() => 'left');
    await eventually(async () => {
      const usage = await api.fetch(`/api/admin/keys/${busy.id}/usage`, { headers: asAdmin });
      expect(await json(usage)).toMatchObject({ running: 1 });
    });
    const clip = join(api.app.dir, 'clip.wav');
    await writeFile(clip, STUB_AUDIO);
    const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, api.app.url, clip, busy.secret, exhausted.secret]);
    expect(JSON.parse(stdout)).toEqual([
      { type: 'RateLimitError', status: 429, code: 'concurrency_limit_exceeded' },
      { type: 'RateLimitError', status: 429, code: 'insufficient_quota' },
    ]);
    const times = await eventually(async () => {
      const refused = await refusals(busy.id);
      expect(refused).toHaveLength(3);
      return refused;
    });
    for (const [index, time] of times.slice(1).entries()) expect(time - (times[index] ?? 0)).toBeGreaterThan(900);
    expect(await refusals(exhausted.id)).toHaveLength(1);
    stop.abort();
    await running;
  });
});
