import { expect, it } from 'vitest';
import type { SpeechDetector } from '../../../backend/src/audio/vad.ts';
import { createSpeechGate } from '../../../backend/src/models/transducer/speech-gate.ts';

function detector(known: Partial<SpeechDetector>): SpeechDetector {
  return {
    probabilities: [],
    segments: [],
    openSince: undefined,
    settledUntil: 0,
    accept: async () => {},
    finish: async () => {},
    state: () => ({ windows: 0, memory: '', probabilities: '', segments: [] }),
    ...known,
  };
}

it('opens in and around speech, closes elsewhere, and waits while nothing is settled', () => {
  const known = { segments: [{ start: 2, end: 3 }], settledUntil: 6 };
  const verdicts = [0, 1.6, 1.8, 2.5, 3.5, 3.7, 5.6, 5.8].map(createSpeechGate(detector(known)));
  expect(verdicts).toEqual([false, false, true, true, true, false, false, undefined]);
});

it('opens for speech that has not ended yet', () => {
  const gate = createSpeechGate(detector({ openSince: 4, settledUntil: 4 }));
  expect([3.6, 3.8, 9].map(gate)).toEqual([false, true, true]);
});

it('a word emitted late between two segments belongs to the first', () => {
  const segments = [
    { start: 1, end: 2 },
    { start: 3.2, end: 4 },
  ];
  const gate = createSpeechGate(detector({ segments, settledUntil: 5 }));
  expect([2.5, 2.7, 2.95, 3.5].map(gate)).toEqual([true, false, true, true]);
});
