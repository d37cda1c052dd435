/** How much audio a file holds, found by decoding it: what its container says may be missing, estimated or a lie. */
import { type DecodeOptions, decodeAudio } from './decode.ts';
import { SAMPLE_RATE } from './sample-rate.ts';

export interface MeasureOptions extends DecodeOptions {
  stepSeconds: number;
  /** Told of each whole step, by the seconds up to its end, as soon as it is decoded; what it throws ends the decoding. */
  onStep: (seconds: number) => Promise<void>;
}

/** @returns seconds. @throws what `decodeAudio` throws. */
export async function measureAudio(path: string, { stepSeconds, onStep, ...options }: MeasureOptions): Promise<number> {
  let samples = 0;
  let steps = 0;
  for await (const chunk of decodeAudio(path, options)) {
    samples += chunk.length;
    while (samples >= (steps + 1) * stepSeconds * SAMPLE_RATE) {
      steps += 1;
      await onStep(steps * stepSeconds);
    }
  }
  return samples / SAMPLE_RATE;
}
