import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ffmpegVersion } from '../../backend/src/audio/ffmpeg.ts';
import { probeAudio } from '../../backend/src/audio/probe.ts';
import { tempDir } from '../support/temp-dir.ts';
import { fakeProgram, ffmpeg, picture, processesNaming, refusal, sine } from './media.ts';

const live = () => ({ signal: new AbortController().signal });

describe('probeAudio', () => {
  it.each([
    ['stereo.wav', ['-ac', '2'], { format: 'wav', codec: 'pcm_s16le', sampleRate: 44_100, channels: 2 }],
    ['voice.mp3', [], { format: 'mp3', codec: 'mp3', sampleRate: 44_100, channels: 1 }],
    [
      'voice.m4a',
      ['-c:a', 'aac'],
      { format: 'mov,mp4,m4a,3gp,3g2,mj2', codec: 'aac', sampleRate: 44_100, channels: 1 },
    ],
    ['voice.webm', ['-c:a', 'libopus'], { format: 'matroska,webm', codec: 'opus', sampleRate: 48_000, channels: 1 }],
    ['voice.ogg', ['-c:a', 'libvorbis'], { format: 'ogg', codec: 'vorbis', sampleRate: 44_100, channels: 1 }],
    ['voice.flac', [], { format: 'flac', codec: 'flac', sampleRate: 44_100, channels: 1 }],
    ['voice.aac', ['-c:a', 'aac'], { format: 'aac', codec: 'aac', sampleRate: 44_100, channels: 1 }],
  ] as const)('describes %s', async (name, codec, expected) => {
    const path = join(await tempDir(), name);
    await ffmpeg(...sine(1.5), ...codec, path);
    const info = await probeAudio(path, live());
    expect(info).toMatchObject(expected);
    expect(info.durationSeconds).toBeCloseTo(1.5, 0);
  });

  it.each([
    ['mp4', ['-c:v', 'libx264']],
    ['webm', ['-c:v', 'libvpx']],
    ['mov', ['-c:v', 'prores']],
  ])('finds the sound of a video whose pictures it may not decode (%s)', async (extension, codec) => {
    const path = join(await tempDir(), `video.${extension}`);
    await ffmpeg(...picture(1), ...sine(1), ...codec, path);
    expect(await probeAudio(path, live())).toMatchObject({ channels: 1 });
  });

  it('leaves the duration open where the container does not say', async () => {
    const dir = await tempDir();
    await ffmpeg(...sine(1), '-f', 'webm', '-c:a', 'libopus', '-live', '1', join(dir, 'live.webm'));
    expect((await probeAudio(join(dir, 'live.webm'), live())).durationSeconds).toBeUndefined();
  });

  it('refuses an empty file, a silent film and a text', async () => {
    const dir = await tempDir();
    await writeFile(join(dir, 'empty'), '');
    await writeFile(join(dir, 'text'), 'hello');
    await ffmpeg(...picture(1), '-c:v', 'libvpx-vp9', join(dir, 'film.webm'));
    expect(await refusal(probeAudio(join(dir, 'empty'), live()))).toMatchObject({ code: 'audio_too_short' });
    expect(await refusal(probeAudio(join(dir, 'text'), live()))).toMatchObject({ code: 'unsupported_audio' });
    expect((await refusal(probeAudio(join(dir, 'film.webm'), live()))).message).toContain('found: video vp9');
  });

  it('ends ffprobe on timeout and on abort', async () => {
    const dir = await tempDir();
    const path = join(dir, 'some.wav');
    await writeFile(path, 'RIFF');
    const ffprobePath = await fakeProgram(dir, 'exec sleep 30');
    expect(await refusal(probeAudio(path, { ...live(), ffprobePath, timeoutSeconds: 0.2 }))).toMatchObject({
      code: 'request_timeout',
    });
    const reason = new Error('gone');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 100);
    await expect(probeAudio(path, { signal: controller.signal, ffprobePath })).rejects.toBe(reason);
    expect(processesNaming(dir)).toEqual([]);
  });

  it('does not trust what ffprobe prints', async () => {
    const dir = await tempDir();
    const path = join(dir, 'some.wav');
    await writeFile(path, 'RIFF');
    const talks = await fakeProgram(dir, 'exec yes');
    expect(await refusal(probeAudio(path, { ...live(), ffprobePath: talks }))).toMatchObject({
      code: 'unsupported_audio',
    });
    const garbage = await fakeProgram(dir, 'echo "{"');
    expect(await refusal(probeAudio(path, { ...live(), ffprobePath: garbage }))).toMatchObject({
      code: 'internal_error',
    });
  });
});

describe('ffmpegVersion', () => {
  it('names the version, or the fix', async () => {
    expect(await ffmpegVersion()).toMatch(/^n?\d/);
    expect((await refusal(ffmpegVersion({ ffprobePath: '/nowhere/ffprobe' }))).detail).toContain('install ffmpeg');
    const other = await fakeProgram(await tempDir(), 'echo hello');
    expect(await refusal(ffmpegVersion({ ffmpegPath: other, ffprobePath: 'ffprobe' }))).toMatchObject({
      code: 'internal_error',
    });
  });
});
