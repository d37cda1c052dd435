/** An upload may name other files of this machine (playlists, reference movies). None of them may ever be opened. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { probeAudio } from '../../backend/src/audio/probe.ts';
import { DESCRIPTIONS } from '../support/file-descriptions.ts';
import { tempDir } from '../support/temp-dir.ts';
import { decodeAll, ffmpeg, refusal, sine } from './media.ts';
import { movWithAlias } from './mov-with-alias.ts';

const run = promisify(execFile);

/** A named pipe: whoever opened it to read would wait there, and `isBeingRead` would see it. */
async function makeFifo(path: string): Promise<void> {
  await run('mkfifo', [path]);
}

async function isBeingRead(fifo: string): Promise<boolean> {
  try {
    await using _ = await open(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    return true;
  } catch {
    return false; // ENXIO: no reader
  }
}

describe('an upload that names another local file', () => {
  it.each(Object.keys(DESCRIPTIONS))('is refused without opening it: %s', async (kind) => {
    const dir = await tempDir();
    const fifo = join(dir, 'secret.ts');
    await makeFifo(fifo);
    for (const [name, target] of [
      [`relative.${kind}`, 'secret.ts'],
      ['absolute.mp3', fifo],
      ['url.wav', `file://${fifo}`],
    ] as const) {
      const path = join(dir, name);
      await writeFile(path, DESCRIPTIONS[kind]?.(target) ?? '');
      const outcome = refusal(decodeAll(path, { idleTimeoutSeconds: 10 }));
      const error = await outcome;
      expect(error, name).toMatchObject({ code: 'unsupported_audio', status: 400 });
      expect(error.message).toMatch(/playlist|text/);
      expect(await refusal(probeAudio(path, { signal: AbortSignal.timeout(10_000) }))).toMatchObject({
        code: 'unsupported_audio',
      });
      expect(await isBeingRead(fifo)).toBe(false);
    }
  });

  it('would be read without our limits, so the tests above can fail', async () => {
    const dir = await tempDir();
    await ffmpeg(...sine(2), '-c:a', 'aac', '-f', 'mpegts', join(dir, 'secret.ts'));
    for (const kind of ['m3u8', 'ffconcat']) {
      const path = join(dir, `list.${kind}`);
      await writeFile(path, DESCRIPTIONS[kind]?.('secret.ts') ?? '');
      await ffmpeg('-i', path, '-t', '1', join(dir, `${kind}.wav`));
      expect((await readFile(join(dir, `${kind}.wav`))).length).toBeGreaterThan(50_000);
    }
  });

  it('as a movie with an external data reference yields none of that file’s content', async () => {
    const dir = await tempDir();
    const secret = join(dir, 'secret.pcm');
    await writeFile(secret, Buffer.alloc(64_000, 'secret'));
    await ffmpeg(...sine(1, 16_000), '-c:a', 'pcm_s16le', join(dir, 'plain.mov'));
    const movie = join(dir, 'reference.m4a');
    await writeFile(movie, movWithAlias(await readFile(join(dir, 'plain.mov')), secret));

    const allowed = ['-enable_drefs', '1', '-use_absolute_path', '1'];
    await ffmpeg(...allowed, '-i', movie, '-f', 's16le', join(dir, 'leaked.pcm'));
    expect(await readFile(join(dir, 'leaked.pcm'), 'latin1')).toContain('secretsecret'); // the movie does work

    expect(await refusal(decodeAll(movie))).toMatchObject({ code: 'unsupported_audio', status: 400 });
  });
});
