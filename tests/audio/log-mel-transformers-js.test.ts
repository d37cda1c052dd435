/** The log-mel features equal those transformers.js was recorded to make (tests/rivals). */
import { describe, expect, it } from 'vitest';
import { createLogMel } from '../../backend/src/audio/log-mel.ts';
import {
  LOG_MEL_INPUTS,
  readTransformersJsRecord,
  sampledValues,
  signalSamples,
} from '../fixtures/whisper/transformers-js.ts';

/** Asked for is 1e-3. Both compute in float64 and round to float32; the record has eight digits. */
const TOLERANCE = 1e-6;

const { logMel } = await readTransformersJsRecord();

describe('log mel features and those of transformers.js', () => {
  it('were recorded on all signals, in full within the tolerance', () => {
    const names = (list: readonly { signal: string; seconds: number }[]) =>
      list.map((one) => [one.signal, one.seconds]);
    for (const bins of [80, 128]) {
      expect(names(logMel.outputs.filter((output) => output.bins === bins))).toEqual(names(LOG_MEL_INPUTS));
    }
    expect(logMel.largestDifference).toBeLessThan(TOLERANCE);
  });

  it.each(logMel.outputs)('of $seconds s of $signal, $bins bins', ({ signal, seconds, bins, values }) => {
    const sampled = sampledValues(createLogMel(bins).extract(signalSamples(signal, seconds)));
    expect(sampled.length).toBe(values.length);
    const differences = values.map((value, index) => Math.abs(value - (sampled[index] ?? Number.NaN)));
    expect(Math.max(...differences)).toBeLessThan(TOLERANCE);
  });
});
