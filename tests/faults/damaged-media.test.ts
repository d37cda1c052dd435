import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { errorEnvelope } from '../../backend/src/contract/error.ts';
import { encodeAs, FORMATS } from '../support/media.ts';
import { modelState } from '../support/model-state.ts';
import { type Media, mutations } from '../support/mutate-media.ts';
import { postSpeech } from '../support/post-speech.ts';
import { isAlive } from '../support/processes.ts';
import { describeWithShared, shared } from '../support/shared.ts';
import { startTestApp, type TestApp } from '../support/start-app.ts';

const MODEL = 'zipformer-gigaspeech-3.3m';
const SEED = 20_261_121;
const FILES = 200;
const AT_A_TIME = 4;

describeWithShared('200 damaged media files', () => {
  let app: TestApp;
  let dir: string;
  const sources: Media[] = [];
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'audio-gateway-media-'));
    const clip = join(dir, 'source.wav');
    // Short, so that the damage is most of the work.
    const cut = ['-nostdin', '-v', 'error', '-i', shared('audio/speech/jfk.wav'), '-t', '2', clip];
    await promisify(execFile)('ffmpeg', cut);
    sources.push({ name: 'clip.wav', bytes: await readFile(clip) });
    for (const format of FORMATS) sources.push({ name: `clip.${format}`, bytes: await encodeAs(format, clip, dir) });
    app = await startTestApp({ withHub: true });
    for (const { name, bytes } of sources) {
      const { status } = await postSpeech(app.url, { model: MODEL, audio: new Uint8Array(bytes) });
      expect([name, status]).toEqual([name, 200]);
    }
  });
  afterAll(async () => {
    await app.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('are each answered with a transcript or a refusal, by the same worker', { timeout: 180_000 }, async () => {
    const { pid } = modelState(app.registry, MODEL).replica;
    const files = mutations(SEED, FILES, sources);
    const statuses = new Map<number, number>();
    const unexpected: unknown[] = [];
    const post = async () => {
      for (const { name, bytes } of files) {
        const answer = await postSpeech(app.url, { model: MODEL, audio: new Uint8Array(bytes) });
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        const isRefusal = answer.status >= 400 && answer.status < 500 && answer.error !== undefined;
        if (isRefusal) errorEnvelope.parse(JSON.parse(answer.body));
        else if (answer.status !== 200) unexpected.push([name, answer.status, answer.body]);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, post));
    expect(unexpected).toEqual([]);
    expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).toBe(FILES);
    // Both ends of the damage were met.
    expect(statuses.get(200)).toBeGreaterThan(0);
    expect(statuses.get(400)).toBeGreaterThan(0);

    expect(modelState(app.registry, MODEL).replica).toMatchObject({ state: 'ready', pid, in_flight: 0, queued: 0 });
    expect(isAlive(pid ?? 0)).toBe(true);
    expect((await fetch(`${app.url}/health/ready`)).status).toBe(200);
  });
});
