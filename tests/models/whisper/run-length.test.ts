import { expect, it } from 'vitest';
import { createRunLengths } from '../../../backend/src/models/whisper/run-length.ts';

it('a run of the loop takes 1.5 s at most, if 64 tokens can be had in that', () => {
  const lengths = createRunLengths();
  expect(lengths.of(4)).toBe(64);
  lengths.note(4, 64, 640);
  expect(lengths.of(4)).toBe(150);
  expect(lengths.of(8)).toBe(64);
  // A slow machine: the runs become shorter, never shorter than is worth a start.
  lengths.note(4, 100, 4000);
  expect(lengths.of(4)).toBe(64);
  // A fast one writes all there is room for at once.
  lengths.note(16, 64, 32);
  expect(lengths.of(16)).toBe(3000);
});
