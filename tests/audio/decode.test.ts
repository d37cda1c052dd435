import { once } from 'node:events';
import { copyFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { decodeAudio } from '../../backend/src/audio/decode.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { describeWithShared, shared } from '../support/shared.ts';
import { tempDir } from '../support/temp-dir.ts';
import { wav } from '../support/wav.ts';
import {
  countSamples,
  decodeAll,
  decodeAtOnce,
  fakeProgram,
  ffmpeg,
  picture,
  processesNaming,
  refusal,
  roomy,
  sine,
} from './media.ts';

/** File name → how ffmpeg makes it from a 2.5 s sine (the odd length puts samples on no chunk border). */
const FORMATS: Readonly<Record<string, string[]>> = {
  'pcm16.wav': ['-ac', '2', '-c:a', 'pcm_s16le'],
  'float.wav': ['-c:a', 'pcm_f32le', '-ar', '48000'],
  'mulaw.wav': ['-c:a', 'pcm_mulaw', '-ar', '8000'],
  'speech.mp3': ['-c:a', 'libmp3lame'],
  'speech.mpga': ['-c:a', 'libmp3lame', '-f', 'mp3'],
  'speech.mpeg': ['-c:a', 'mp2', '-f', 'mp2'],
  'index-at-end.m4a': ['-c:a', 'aac'],
  'index-first.m4a': ['-c:a', 'aac', '-movflags', '+faststart'],
  'fragmented.mp4': ['-c:a', 'aac', '-movflags', '+frag_keyframe+empty_moov'],
  'lossless.m4a': ['-c:a', 'alac'],
  'opus.webm': ['-c:a', 'libopus'],
  'vorbis.ogg': ['-c:a', 'libvorbis'],
  'opus.ogg': ['-c:a', 'libopus'],
  'speech.flac': ['-c:a', 'flac'],
  'adts.aac': ['-c:a', 'aac'],
};

describe('decodeAudio', () => {
  it.each(Object.keys(FORMATS))('decodes %s: the chunks together are what one decode gives', async (name) => {
    const path = join(await tempDir(), name);
    await ffmpeg(...sine(2.5), ...(FORMATS[name] ?? []), path);

    const chunks = await decodeAll(path);

    expect(chunks.slice(0, -1).every((chunk) => chunk.length === 16_000)).toBe(true);
    const joined = Float32Array.from(chunks.flatMap((chunk) => [...chunk]));
    expect(joined).toEqual(await decodeAtOnce(path));
    expect(Math.abs(joined.length / 16_000 - 2.5)).toBeLessThan(0.1);
    expect(Math.max(...joined)).toBeGreaterThan(0.05);
  });

  it.each([
    ['mp4', ['-c:v', 'libx264', '-c:a', 'aac']],
    ['webm', ['-c:v', 'libvpx', '-c:a', 'libopus']],
    ['mov', ['-c:v', 'prores', '-c:a', 'pcm_s16le']],
  ])('decodes the sound of a video (%s)', async (extension, codecs) => {
    const path = join(await tempDir(), `video.${extension}`);
    await ffmpeg(...picture(1), ...sine(1), ...codecs, path);
    expect(countSamples(await decodeAll(path)) / 16_000).toBeCloseTo(1, 1);
  });

  it('goes by content: names that look like nothing, an option, a protocol or a pattern', async () => {
    const dir = await tempDir();
    const wav = join(dir, 'clip.wav');
    await ffmpeg(...sine(0.5), wav);
    for (const name of ['clip.txt', 'blob', '-i', 'a:b', 'pipe:0', 'http:x', 'clip-%03d.wav', "it's ünïcode.m3u8"]) {
      await copyFile(wav, join(dir, name));
      expect(countSamples(await decodeAll(join(dir, name))), name).toBe(8000);
    }
  });

  it('accepts 0.1 s and refuses anything shorter', async () => {
    const dir = await tempDir();
    await ffmpeg(...sine(0.1, 16_000), join(dir, 'enough.wav'));
    await ffmpeg(...sine(0.05, 16_000), join(dir, 'short.wav'));
    await ffmpeg(...sine(0.02), join(dir, 'short.mp3'));
    await writeFile(join(dir, 'empty.wav'), '');
    await copyFile(join(dir, 'short.wav'), join(dir, 'header.wav'));
    await truncate(join(dir, 'header.wav'), 78);

    expect(countSamples(await decodeAll(join(dir, 'enough.wav')))).toBe(1600);
    for (const name of ['short.wav', 'short.mp3', 'empty.wav', 'header.wav']) {
      expect(await refusal(decodeAll(join(dir, name))), name).toMatchObject({ code: 'audio_too_short', param: 'file' });
    }
  });

  it('refuses what is not audio, says what it found, and names no path', async () => {
    const dir = await tempDir();
    await ffmpeg(...picture(1), '-c:v', 'libx264', join(dir, 'video.mp4'));
    await ffmpeg(...picture(0.1), join(dir, 'picture.png'));
    await ffmpeg(...sine(1), '-c:a', 'wmav2', join(dir, 'codec.mka'));
    await ffmpeg(...sine(1), '-f', 'asf', join(dir, 'container.wma'));
    await ffmpeg(...sine(1), '-f', 's16le', join(dir, 'raw.pcm'));
    const random = seededRandom(1);
    await writeFile(
      join(dir, 'noise.mp3'),
      Uint8Array.from({ length: 200_000 }, () => 256 * random()),
    );
    await writeFile(join(dir, 'text.wav'), 'This is a letter, not a recording.\n'.repeat(50));
    await writeFile(join(dir, 'tiny.wav'), 'RIFF');
    const expected: Record<string, RegExp> = {
      'video.mp4': /no audio stream \(found: video h264\)/,
      'picture.png': /not a recognised audio container/,
      'codec.mka': /codec wmav2 is not accepted/,
      'container.wma': /not a recognised audio container/,
      'raw.pcm': /not a recognised audio container/,
      'noise.mp3': /not a recognised audio container|cannot be decoded/,
      'text.wav': /is text, not audio/,
      'tiny.wav': /is text|not a recognised audio container/,
    };
    for (const [name, message] of Object.entries(expected)) {
      const error = await refusal(decodeAll(join(dir, name)));
      expect(error, name).toMatchObject({ code: 'unsupported_audio', param: 'file', status: 400 });
      expect(error.message).toMatch(message);
      expect(error.message).not.toContain(basename(dir));
    }
  });

  it('hands out the part before a file breaks off', async () => {
    const dir = await tempDir();
    for (const name of ['cut.mp3', 'cut.wav', 'cut.ogg', 'cut.webm', 'cut.flac']) {
      const path = join(dir, name);
      await ffmpeg(...sine(4), ...(name === 'cut.ogg' ? ['-c:a', 'libopus'] : []), path);
      await truncate(path, Math.floor((await stat(path)).size / 2));
      const seconds = countSamples(await decodeAll(path)) / 16_000;
      expect(seconds, name).toBeGreaterThan(0.1);
      expect(seconds, name).toBeLessThan(3.5);
    }
  });

  it('turns NaN and infinities of a float file into samples within ±1', async () => {
    const path = join(await tempDir(), 'float.wav');
    await ffmpeg(...sine(1, 16_000), '-c:a', 'pcm_f32le', path);
    const bytes = await readFile(path);
    const data = bytes.indexOf('data', 0, 'latin1') + 8;
    for (const [index, value] of [Number.NaN, Infinity, -Infinity, 1e30, -2].entries()) {
      bytes.writeFloatLE(value, data + index * 4);
    }
    await writeFile(path, bytes);
    const [first] = await decodeAll(path);
    expect([...(first ?? []).slice(0, 5)]).toEqual([0, 1, -1, 1, -1]);
  });
});

describe('decodeAudio of a wav that is 16 kHz mono in 16 bits', () => {
  /** Beside the file's own header: what it holds, and a decoder that would be noticed. */
  async function plain(change: (file: Buffer) => Buffer = (file) => file) {
    const dir = await tempDir();
    const path = join(dir, 'plain.wav');
    await writeFile(path, change(wav(2.5)));
    return { path, ffmpegPath: await fakeProgram(dir, 'exit 255') };
  }

  it('starts no process, and gives what ffmpeg gives', async () => {
    const { path, ffmpegPath } = await plain();
    const chunks = await decodeAll(path, { ffmpegPath });
    expect(chunks.map(({ length }) => length)).toEqual([16_000, 16_000, 8_000]);
    expect(Float32Array.from(chunks.flatMap((chunk) => [...chunk]))).toEqual(await decodeAtOnce(path));
  });

  it('reads no further than its samples, and passes over what lies before them', async () => {
    const list = Buffer.from('LIST\x05\0\0\0hello\0', 'latin1');
    const { path, ffmpegPath } = await plain((file) =>
      Buffer.concat([file.subarray(0, 36), list, file.subarray(36), Buffer.from('LIST\x04\0\0\0tail', 'latin1')]),
    );
    const chunks = await decodeAll(path, { ffmpegPath });
    expect(Float32Array.from(chunks.flatMap((chunk) => [...chunk]))).toEqual(await decodeAtOnce(path));
    expect(countSamples(chunks)).toBe(40_000);
  });

  /** Words of the header, by their place. */
  const patched = (words: Record<number, number>) => (file: Buffer) => {
    for (const [at, word] of Object.entries(words)) file.writeUInt32LE(word, Number(at));
    return file;
  };

  it.each<[string, (file: Buffer) => Buffer]>([
    ['its length is not known', patched({ 40: 0xffffffff })],
    ['it breaks off', (file) => file.subarray(0, 60_000)],
    ['it is of another rate', patched({ 24: 8_000, 28: 16_000 })],
    ['half a sample is left', patched({ 40: 79_999 })],
    ['it is too short', (file) => patched({ 40: 3_198 })(file.subarray(0, 44 + 3_198))],
    ['it is no wav', patched({ 0: Buffer.from('RIFX').readUInt32LE() })],
  ])('leaves it to ffmpeg where %s', async (_why, change) => {
    const { path, ffmpegPath } = await plain(change);
    expect(await refusal(decodeAll(path, { ffmpegPath }))).toMatchObject({ code: 'internal_error' });
  });

  it('is refused before its first sample where it is too long, and stops on abort', async () => {
    const { path, ffmpegPath } = await plain();
    const first = decodeAudio(path, roomy({ ffmpegPath, maxSeconds: 2 })).next();
    expect(await refusal(first)).toMatchObject({ code: 'audio_too_long', param: 'file' });
    const controller = new AbortController();
    const reason = new Error('the client went away');
    const decoding = async () => {
      for await (const _ of decodeAudio(path, roomy({ ffmpegPath, signal: controller.signal })))
        controller.abort(reason);
    };
    await expect(decoding()).rejects.toBe(reason);
    await expect(decoding()).rejects.toBe(reason);
  });
});

describe('decodeAudio’s limits', () => {
  it('refuses the sample past maxSeconds and accepts the one before', async () => {
    const path = join(await tempDir(), 'two.wav');
    await ffmpeg(...sine(2, 16_000), path);
    expect(countSamples(await decodeAll(path, { maxSeconds: 2 }))).toBe(32_000);
    const error = await refusal(decodeAll(path, { maxSeconds: 1.9 }));
    expect(error).toMatchObject({ code: 'audio_too_long', param: 'file', status: 400 });
    expect(error.message).toContain('1.9 seconds');
    expect(await refusal(decodeAll(path, { maxDecodedBytes: 127_999 }))).toMatchObject({ code: 'audio_too_long' });
    expect(countSamples(await decodeAll(path, { maxDecodedBytes: 128_000 }))).toBe(32_000);
  });

  it('stops a small file that holds hours: when the limit is reached, or sooner from what the container states', async () => {
    const dir = await tempDir();
    const path = join(dir, 'bomb.ogg');
    const silence = ['-f', 'lavfi', '-i', 'anullsrc=r=8000:cl=mono', '-t', '60'];
    await ffmpeg(...silence, '-c:a', 'libopus', '-b:a', '6k', '-frame_duration', '60', join(dir, 'minute.ogg'));
    await ffmpeg('-stream_loop', '59', '-i', join(dir, 'minute.ogg'), '-c', 'copy', path);
    expect((await stat(path)).size).toBeLessThan(1_200_000); // 230 MB once decoded

    let samples = 0;
    const decoding = async (limits: { maxSeconds?: number; maxDecodedBytes?: number }) => {
      samples = 0;
      for await (const chunk of decodeAudio(path, roomy(limits))) samples += chunk.length;
    };
    const early = await refusal(decoding({ maxSeconds: 3000 }));
    expect(early.message).toContain('3600');
    expect(samples).toBeLessThan(2000 * 16_000);
    expect(await refusal(decoding({ maxDecodedBytes: 1_000_000 }))).toMatchObject({ code: 'audio_too_long' });
    expect(samples * 4).toBeLessThanOrEqual(1_000_000);
    expect(processesNaming(path)).toEqual([]);
  });

  it('counts what the decoder holds before mixing down: many channels at a high rate', async () => {
    const dir = await tempDir();
    const looped = async (name: string, source: string) => {
      const part = join(dir, `part-${name}`);
      await ffmpeg('-f', 'lavfi', '-i', source, '-t', '10', '-c:a', 'flac', part);
      await ffmpeg('-stream_loop', '59', '-i', part, '-c', 'copy', join(dir, name));
      return join(dir, name);
    };
    const limits = { maxDecodedBytes: 601 * 64_000 }; // ten minutes, for what comes out
    const wide = await looped('wide.mka', 'anullsrc=r=192000:cl=7.1');
    const usual = await looped('usual.mka', 'anullsrc=r=48000:cl=stereo');
    expect(await refusal(decodeAll(wide, limits))).toMatchObject({ code: 'audio_too_long', status: 400 });
    expect(countSamples(await decodeAll(usual, limits))).toBe(600 * 16_000);
  });

  it('gives up on a decoder that hangs or trickles', async () => {
    const dir = await tempDir();
    const hangs = await fakeProgram(dir, 'exec sleep 30');
    expect(await refusal(decodeAll('x', { ffmpegPath: hangs, idleTimeoutSeconds: 0.2 }))).toMatchObject({
      code: 'request_timeout',
    });
    const trickles = await fakeProgram(dir, 'while printf 0000; do sleep 0.05; done');
    expect(await refusal(decodeAll('x', { ffmpegPath: trickles, idleTimeoutSeconds: 0.4 }))).toMatchObject({
      code: 'request_timeout',
    });
  });

  it('does not hold the caller’s own time against the decoder', async () => {
    const path = join(await tempDir(), 'slow-caller.flac');
    await ffmpeg(...sine(20, 16_000), path);
    let samples = 0;
    for await (const chunk of decodeAudio(path, roomy({ idleTimeoutSeconds: 2 }))) {
      if (samples === 0) await sleep(2500);
      samples += chunk.length;
    }
    expect(samples).toBe(20 * 16_000);
  });
});

describe('decodeAudio’s child', () => {
  it('is gone when the caller leaves the loop', async () => {
    const path = join(await tempDir(), 'left.flac');
    await ffmpeg(...sine(600, 16_000), path);
    for await (const _ of decodeAudio(path, roomy())) {
      expect(processesNaming(path)).toHaveLength(1);
      break;
    }
    expect(processesNaming(path)).toEqual([]);
  });

  it('does not run ahead of the caller', async () => {
    const path = join(await tempDir(), 'waits.flac');
    await ffmpeg(...sine(600, 16_000), path);
    const chunks = decodeAudio(path, roomy());
    await chunks.next();
    await sleep(300);
    expect(processesNaming(path)).toHaveLength(1); // 600 s would long be decoded
    await chunks.return();
  });

  it('is killed on abort, and the iterator throws the reason', async () => {
    const path = join(await tempDir(), 'aborted.flac');
    await ffmpeg(...sine(600, 16_000), path);
    const controller = new AbortController();
    const reason = new Error('the client went away');
    const decoding = async () => {
      for await (const _ of decodeAudio(path, roomy({ signal: controller.signal }))) controller.abort(reason);
    };
    await expect(decoding()).rejects.toBe(reason);
    expect(processesNaming(path)).toEqual([]);
    await expect(decoding()).rejects.toBe(reason); // aborted before the start
  });

  it('is killed on abort while it hangs', async () => {
    const dir = await tempDir();
    const hangs = await fakeProgram(dir, 'exec sleep 30');
    const signal = AbortSignal.timeout(200);
    const decoding = decodeAll('x', { ffmpegPath: hangs, signal });
    await once(signal, 'abort');
    await expect(decoding).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('that someone else stopped is not taken for the end of the audio', async () => {
    const stopped = await fakeProgram(await tempDir(), 'head -c 64000 /dev/zero; exit 255');
    expect(await refusal(decodeAll('x', { ffmpegPath: stopped }))).toMatchObject({ code: 'internal_error' });
    const killed = await fakeProgram(await tempDir(), 'head -c 64000 /dev/zero; kill -9 $$');
    expect(await refusal(decodeAll('x', { ffmpegPath: killed }))).toMatchObject({ code: 'internal_error' });
  });

  it('that cannot start is the server’s fault, and the log says what to do', async () => {
    const error = await refusal(decodeAll('x', { ffmpegPath: '/nowhere/ffmpeg' }));
    expect(error).toMatchObject({ code: 'internal_error', status: 500 });
    expect(error.message).not.toContain('nowhere');
    expect(error.detail).toMatch(/not found: install ffmpeg/);
  });
});

describeWithShared('decodeAudio on recordings', () => {
  it.each(['jfk.wav', 'jfk.flac', 'jfk.mp3'])('decodes %s', async (name) => {
    const chunks = await decodeAll(shared('audio/speech', name));
    expect(countSamples(chunks) / 16_000).toBeCloseTo(11, 0);
  });

  it('keeps the samples of a 16 kHz mono wav exactly', async () => {
    const path = shared('audio/speech/jfk.wav');
    const bytes = await readFile(path);
    const chunks = await decodeAll(path);
    const data = bytes.indexOf('data', 0, 'latin1') + 8;
    for (const index of [0, 15_999, 16_000, 100_000, 175_999]) {
      const sample = chunks[Math.floor(index / 16_000)]?.[index % 16_000];
      expect(sample).toBe(bytes.readInt16LE(data + 2 * index) / 32_768);
    }
  });
});
