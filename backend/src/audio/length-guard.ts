import { GatewayError } from '../errors.ts';
import type { FfmpegPrograms } from './ffmpeg.ts';
import { type AudioInfo, probeAudio } from './probe.ts';
import { SAMPLE_RATE } from './sample-rate.ts';

export interface LengthLimits extends FfmpegPrograms {
  signal: AbortSignal;
  maxSeconds: number;
  maxDecodedBytes: number;
}

/** How much audio may be decoded before the container is asked how much there is. Short clips never pay for ffprobe. */
const PROBE_AFTER_SECONDS = 30;
/** Decoded sound inside ffmpeg over what leaves it (16 kHz mono f32): 48 kHz in 8 channels. */
const INTERMEDIATE_FACTOR = 24;
const BYTES_PER_SAMPLE = 4;

/**
 * Holds a decode to its limits: on what came out, and on what a small file may expand to inside the decoder (25 MiB of
 * FLAC can hold gigabytes at 655 kHz in 8 channels). After 30 s it asks ffprobe, beside the running decode, for the
 * rate, the channels and the whole duration, so a day-long file is refused long before a day of it is decoded.
 */
export class LengthGuard {
  readonly #path: string;
  readonly #limits: LengthLimits;
  readonly #stop = new AbortController();
  readonly #rate: number;
  #samples = 0;
  #probe: Promise<void> | undefined;
  #info: AudioInfo | undefined;

  /** @param rate of the samples counted, in Hz. */
  constructor(path: string, limits: LengthLimits, rate = SAMPLE_RATE) {
    this.#path = path;
    this.#limits = limits;
    this.#rate = rate;
  }

  /** Counts decoded samples of each channel. @throws GatewayError `audio_too_long` (param `file`). */
  add(samples: number): void {
    this.#samples += samples;
    const seconds = this.#samples / this.#rate;
    checkSeconds(seconds, this.#limits, `The audio is longer than ${this.#limits.maxSeconds} seconds`);
    if (seconds >= PROBE_AFTER_SECONDS) this.#probe ??= this.#ask();
    if (this.#info !== undefined) this.#checkInfo(this.#info, seconds);
  }

  /** Stops ffprobe if it still runs. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#probe;
  }

  #checkInfo(info: AudioInfo, seconds: number): void {
    const { maxSeconds, maxDecodedBytes } = this.#limits;
    const total = statedSeconds(info);
    if (total !== undefined && total > maxSeconds + 1) {
      throw tooLong(`The audio is ${total.toFixed(1)} seconds long`, maxSeconds);
    }
    const intermediateBytes = seconds * info.sampleRate * info.channels * BYTES_PER_SAMPLE;
    if (intermediateBytes > maxDecodedBytes * INTERMEDIATE_FACTOR) throw tooMuch(maxDecodedBytes);
  }

  async #ask(): Promise<void> {
    const signal = AbortSignal.any([this.#limits.signal, this.#stop.signal]);
    try {
      this.#info = await probeAudio(this.#path, { ...this.#limits, signal });
    } catch {
      // The decode itself decides; without an answer the limits on its output still hold.
    }
  }
}

/** @param finding said of audio that is too long. @throws GatewayError `audio_too_long` (param `file`). */
export function checkSeconds(
  seconds: number,
  { maxSeconds, maxDecodedBytes }: Pick<LengthLimits, 'maxSeconds' | 'maxDecodedBytes'>,
  finding: string,
): void {
  if (seconds > maxSeconds) throw tooLong(finding, maxSeconds);
  if (seconds * SAMPLE_RATE * BYTES_PER_SAMPLE > maxDecodedBytes) throw tooMuch(maxDecodedBytes);
}

/** Formats whose duration is stated or counted (ffprobe holds a wav header's claim to the file's size); of mp3 and aac it is an estimate. */
function statedSeconds(info: AudioInfo): number | undefined {
  return /^(wav|mov|matroska|flac|ogg)\b/.test(info.format) ? info.durationSeconds : undefined;
}

function tooLong(finding: string, maxSeconds: number): GatewayError {
  const message = `${finding}; the longest accepted is ${maxSeconds} seconds. Split the file into shorter parts.`;
  return new GatewayError('audio_too_long', { message, param: 'file' });
}

function tooMuch(maxDecodedBytes: number): GatewayError {
  const message = `The audio decodes to more than ${maxDecodedBytes} bytes. Split the file into shorter parts.`;
  return new GatewayError('audio_too_long', { message, param: 'file' });
}
