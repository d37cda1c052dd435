/** What the Whisper benchmark and its children say to each other; the children's side of it. */
import { seededFeatures } from '../../support/seeded-weights.ts';

export interface WhisperRequest {
  /** Decoded together, each of 30 s. */
  windows: number;
  /** Written per window, no more and no less. */
  tokens: number;
}

export interface WhisperReply {
  /** Features → tokens of all windows. */
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

export type DecodeWindows = (
  features: readonly Float32Array[],
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
  const features = Array.from({ length: windows }, (_, window) => seededFeatures(`bench/${window}`, MELS, FRAMES));
  const before = process.cpuUsage();
  const start = performance.now();
  const { written, decoderMilliseconds } = await decode(features, tokens);
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
