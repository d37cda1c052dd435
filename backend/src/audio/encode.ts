/** Samples as they come → an audio file: wav written here, the others by the ffmpeg command line. */
import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { GatewayError } from '../errors.ts';
import { insufficientStorage } from './disk-full.ts';
import { type FfmpegPrograms, ffmpegProgram, inputFile, startTool, type ToolEnd } from './ffmpeg.ts';
import { pcmBytes, type SampleFormat } from './pcm-bytes.ts';
import { openWavFile } from './wav-file.ts';

/** `kbps`: of a constant rate (mp3) or the mean of a variable one (opus, which is always at 48 kHz). */
export type Encoding =
  | { format: 'wav'; sample: SampleFormat }
  | { format: 'flac'; sample: 's16' | 's24' }
  | { format: 'mp3'; kbps: number }
  | { format: 'opus'; kbps: number };

export interface EncoderOptions extends Pick<FfmpegPrograms, 'ffmpegPath'> {
  encoding: Encoding;
  /** Hz. */
  sampleRate: number;
  /** Interleaved. */
  channels: number;
  /** Ends the encoding: what was written goes, `write` and `finish` throw the signal's reason. */
  signal: AbortSignal;
}

export interface AudioEncoder extends AsyncDisposable {
  /**
   * Samples [n, channels], full scale ±1; what exceeds it is clipped, but in a wav of floats. Resolves when more can be
   * taken; one call at a time. The samples are not needed afterwards.
   * @throws GatewayError `insufficient_storage` when the disk is full, `internal_error` when ffmpeg fails.
   */
  write(samples: Float32Array): Promise<void>;
  /** Resolves with the file's bytes when it is whole, on the disk, and has its name. @throws as `write`. */
  finish(): Promise<number>;
}

/** Where encoded bytes go before the file has its name. */
interface Sink {
  write(samples: Float32Array): Promise<void>;
  /** The file is complete. */
  end(): Promise<void>;
  /** Whatever happened; twice does no harm. */
  close(): Promise<void>;
}

/** The file that a disk has no room for. */
const ENCODED = 'the encoded audio';

/**
 * The file has its name once it is whole: disposed of before `finish`, or after an error, it leaves nothing. Replaces a
 * file of that name.
 */
export async function openEncoder(path: string, options: EncoderOptions): Promise<AudioEncoder> {
  const { encoding, signal } = options;
  signal.throwIfAborted();
  const temporary = `${path}.${randomUUID()}.partial`;
  const sink =
    encoding.format === 'wav' ? await openWavFile(temporary, { ...options, ...encoding }) : pipe(temporary, options);
  return {
    async write(samples) {
      signal.throwIfAborted();
      await sink.write(samples);
      signal.throwIfAborted();
    },
    async finish() {
      signal.throwIfAborted();
      await sink.end();
      await sink.close();
      signal.throwIfAborted();
      const { size } = await stat(temporary);
      // The name itself may be lost in a power cut: whoever records the file sees to that.
      await rename(temporary, path);
      return size;
    },
    async [Symbol.asyncDispose]() {
      await sink.close();
      await rm(temporary, { force: true });
    },
  };
}

function pipe(path: string, options: EncoderOptions): Sink {
  const { signal } = options;
  const program = ffmpegProgram(options);
  const ffmpeg = startTool(program, argumentsOf(path, options), signal, 'pipe');
  ffmpeg.stdout.resume();
  const { stdin } = ffmpeg;
  const failed = async (): Promise<never> => {
    const end = await ffmpeg.ended;
    signal.throwIfAborted();
    throw failure(program, end);
  };
  return {
    async write(samples) {
      if (stdin === undefined || stdin.destroyed) return await failed();
      // A copy: the pipe may keep it for later.
      if (stdin.write(pcmBytes(samples.slice(), pipedAs(options.encoding)))) return;
      await drainedOrClosed(stdin);
      if (stdin.destroyed) await failed();
    },
    async end() {
      stdin?.end();
      const end = await ffmpeg.ended;
      signal.throwIfAborted();
      // ffmpeg 5 ends with 0 when the disk fills in the last write.
      if (end.code !== 0 || isDiskFull(end)) throw failure(program, end);
      await using file = await open(path, 'r');
      await file.sync();
    },
    async close() {
      ffmpeg.kill();
      await ffmpeg.ended.catch(() => {});
    },
  };
}

function drainedOrClosed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      stream.off('drain', settle).off('close', settle);
      resolve();
    };
    stream.on('drain', settle).on('close', settle);
  });
}

function argumentsOf(path: string, { encoding, sampleRate, channels }: EncoderOptions): string[] {
  return [
    ...['-nostdin', '-hide_banner', '-v', 'error', '-f', `${pipedAs(encoding)}le`],
    ...['-ar', String(sampleRate), '-ac', String(channels)],
    ...['-i', 'pipe:0', '-threads', '1', '-filter_threads', '1', ...codecOf(encoding), inputFile(path)],
  ];
}

/** Rounded here: ffmpeg would round floats down to 24 bits. */
function pipedAs(encoding: Encoding): SampleFormat {
  return encoding.format === 'flac' ? encoding.sample : 'f32';
}

function codecOf(encoding: Encoding): string[] {
  switch (encoding.format) {
    case 'wav':
      throw new Error('wav is written without ffmpeg');
    case 'flac':
      // ffmpeg's encoder has no s24: it keeps the upper 24 of 32 bits.
      return ['-c:a', 'flac', '-sample_fmt', encoding.sample === 's16' ? 's16' : 's32', '-f', 'flac'];
    case 'mp3':
      return ['-c:a', 'libmp3lame', '-b:a', `${encoding.kbps}k`, '-f', 'mp3'];
    case 'opus':
      return ['-c:a', 'libopus', '-ar', '48000', '-b:a', `${encoding.kbps}k`, '-f', 'ogg'];
  }
}

function isDiskFull({ stderr }: ToolEnd): boolean {
  return /No space left on device|Disk quota exceeded/.test(stderr);
}

function failure(program: string, end: ToolEnd): GatewayError {
  if (isDiskFull(end)) return insufficientStorage(ENCODED, end);
  return new GatewayError('internal_error', {
    message: 'The server could not encode the audio. Retry the request.',
    detail: { program, ...end },
  });
}
