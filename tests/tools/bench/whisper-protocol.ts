/** What the Whisper benchmark and its children say to each other; the children's side of it. */
import { seededUniform } from '../../support/seeded-weights.ts';

export interface WhisperRequest {
  /** Decoded together, each of 30 s. */
  windows: number;
  /** Written per window, no more and no less. */
  tokens: number;
}

export interface WhisperReply {
  /** PCM → tokens of all windows. */
  milliseconds: number;
  /** Of the whole process meanwhile: steadier than wall time where other work shares the machine. */
  cpuMilliseconds: number;
  /** The decoder's part, prompt included; undefined where the program does not tell. */
  decoderMilliseconds: number | undefined;
  /** Highest resident size of the process so far, bytes. */
  peakBytes: number;
  /** [windows][tokens] */
  written: number[][];
}

/** `windows` are PCM of 30 s each. */
export type DecodeWindows = (
  windows: readonly Float32Array[],
  tokens: number,
) => Promise<{ written: number[][]; decoderMilliseconds?: number }>;

export const MELS = 80;
export const FRAMES = 3000;

/** Answers the parent's requests from here on. */
export function serveWindows(decode: DecodeWindows): void {
  process.on('message', (request: WhisperRequest) => {
    void answer(decode, request).then((reply) => process.send?.(reply));
  });
  process.send?.('ready');
}

async function answer(decode: DecodeWindows, { windows, tokens }: WhisperRequest): Promise<WhisperReply> {
  const pcm = Array.from({ length: windows }, (_, window) => noise(`bench/${window}`));
  const before = process.cpuUsage();
  const start = performance.now();
  const { written, decoderMilliseconds } = await decode(pcm, tokens);
  const milliseconds = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  const cpuMilliseconds = (user + system) / 1000;
  if (written.length !== windows || written.some((row) => row.length !== tokens)) {
    throw new Error(`${windows} windows of ${tokens} tokens were wanted, not ${written.map((row) => row.length)}`);
  }
  return {
    milliseconds,
    cpuMilliseconds,
    decoderMilliseconds,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    written,
  };
}

/** 30 s at 16 kHz, louder and quieter twice a second, as speech is. */
function noise(seed: string): Float32Array {
  const samples = seededUniform(seed, 30 * 16_000);
  const loudness = seededUniform(`${seed}/loudness`, 61);
  return Float32Array.from(samples, (sample, at) => sample * 0.3 * Math.abs(loudness[Math.floor(at / 8000)] ?? 0));
}
