import { expect, test } from 'vitest';
import {
  gainsOf,
  type Mix,
  ORIGINAL,
  startOfWindow,
  WINDOW_SECONDS,
  windowAt,
  windowsDue,
} from '../../../frontend/src/features/playground/stem-schedule.ts';

test('playing from the middle of a window starts there, and the next one follows without a gap', () => {
  const from = 1.5 * WINDOW_SECONDS;
  const origin = 100 - from;
  expect(windowAt(from)).toBe(1);
  const first = startOfWindow(1, { origin, from });
  expect(first).toEqual({ when: 100, offset: 0.5 * WINDOW_SECONDS });
  const second = startOfWindow(2, { origin, from });
  expect(second).toEqual({ when: first.when + WINDOW_SECONDS - first.offset, offset: 0 });
});

test('one window ahead is due, each once, and none behind the end', () => {
  expect(windowsDue(0, 0, 100)).toEqual([0, 1]);
  expect(windowsDue(1, 2, 100)).toEqual([]);
  expect(windowsDue(WINDOW_SECONDS + 1, 2, 100)).toEqual([2]);
  expect(windowsDue(0, 0, WINDOW_SECONDS)).toEqual([0]);
  expect(windowsDue(9, 1, WINDOW_SECONDS + 0.5)).toEqual([1]);
});

test('solo leaves the others silent, mute silences the soloed too, and the original plays alone', () => {
  const mix = (changed: Partial<Mix>): Mix => {
    return { muted: new Set(), soloed: new Set(), original: false, volumes: new Map(), ...changed };
  };
  const tracks = ['vocals', 'drums', ORIGINAL];
  const gains = (changed: Partial<Mix>) => [...gainsOf(tracks, mix(changed)).values()];
  expect(gains({})).toEqual([1, 1, 0]);
  expect(gains({ muted: new Set(['drums']) })).toEqual([1, 0, 0]);
  expect(gains({ soloed: new Set(['drums']) })).toEqual([0, 1, 0]);
  expect(gains({ soloed: new Set(['drums']), muted: new Set(['drums']) })).toEqual([0, 0, 0]);
  expect(gains({ volumes: new Map([['vocals', 0.3]]) })).toEqual([0.3, 1, 0]);
  expect(gains({ original: true, soloed: new Set(['drums']) })).toEqual([0, 0, 1]);
});
