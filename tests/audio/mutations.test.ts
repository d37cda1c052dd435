import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { GatewayError } from '../../backend/src/errors.ts';
import { type Media, mutations } from '../support/mutate-media.ts';
import { tempDir } from '../support/temp-dir.ts';
import { countSamples, decodeAll, ffmpeg, picture, processesNaming, sine } from './media.ts';

const SEED = 20_270_117;
const COUNT = 48;
const AT_ONCE = 2;

async function sources(dir: string): Promise<Media[]> {
  await Promise.all(
    ['a.wav', 'b.mp3', 'c.m4a', 'e.ogg', 'f.flac', 'g.aac'].map((name) => ffmpeg(...sine(1), join(dir, name))),
  );
  await ffmpeg(...picture(1), ...sine(1), '-c:v', 'libvpx', '-c:a', 'libopus', join(dir, 'd.webm'));
  const names = (await readdir(dir)).sort();
  return Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(dir, name)) })));
}

it('a damaged file gives audio or one of the refusals, never anything else', async () => {
  const dir = await tempDir();
  const outcomes = new Map<string, string>();
  const queue = mutations(SEED, COUNT, await sources(dir));
  const worker = async () => {
    for (const { name, bytes } of queue) {
      const path = join(dir, name);
      await writeFile(path, bytes);
      const outcome = await decodeAll(path, { maxSeconds: 60, idleTimeoutSeconds: 20 }).then(
        (chunks) => (countSamples(chunks) >= 1600 ? 'audio' : 'too little audio'),
        (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
      );
      outcomes.set(name, outcome);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));

  const allowed = new Set(['audio', 'unsupported_audio', 'audio_too_short', 'audio_too_long']);
  expect([...outcomes].filter(([, outcome]) => !allowed.has(outcome))).toEqual([]);
  expect(outcomes.size).toBe(COUNT);
  expect(new Set(outcomes.values())).toContain('audio');
  expect(new Set(outcomes.values())).toContain('unsupported_audio');
  expect(processesNaming(dir)).toEqual([]);
});

it('the same seed makes the same files', () => {
  const media = [
    { name: 'x', bytes: new Uint8Array(500).fill(7) },
    { name: 'y', bytes: new Uint8Array(300).fill(9) },
  ];
  const first = [...mutations(1, 30, media)];
  expect(first).toEqual([...mutations(1, 30, media)]);
  expect(first).not.toEqual([...mutations(2, 30, media)]);
});
