/** The parts of the benchmarks that compute: what they measure is only as good as these. */
import { describe, expect, it } from 'vitest';
import {
  findPhrases,
  mixConversation,
  planConversation,
  turnsOf,
  type Utterance,
  type Voice,
} from '../support/conversation.ts';
import { stageClock } from './bench/stage-clock.ts';

const RATE = 16_000;

/** Loud where a span of seconds says so, otherwise a thousandth of it: −60 dB. */
function recording(seconds: number, spans: readonly [number, number][], level = 10_000): Int16Array {
  return Int16Array.from({ length: seconds * RATE }, (_, at) => {
    const isLoud = spans.some(([start, end]) => at >= start * RATE && at < end * RATE);
    return (isLoud ? level : level / 1000) * (at % 2 === 0 ? 1 : -1);
  });
}

const inSeconds = (phrases: readonly { start: number; end: number }[]) =>
  phrases.map(({ start, end }) => [start / RATE, end / RATE]);

describe('conversations', () => {
  /** So many phrases of so many seconds, 0.5 s apart. */
  const phrasesOf = (count: number, length: number) =>
    Array.from({ length: count }, (_, i): [number, number] => [i * (length + 0.5), i * (length + 0.5) + length]);
  const steady: Voice = { speaker: 'steady', samples: recording(12, [[0, 12]], 1000) };
  const loud: Voice = { speaker: 'loud', samples: recording(40, phrasesOf(20, 1.5)) };
  const slow: Voice = { speaker: 'slow', samples: recording(40, phrasesOf(10, 3.5)) };

  it('phrases are where it is loud, pauses of less than 0.5 s included, clicks not', () => {
    const spans: [number, number][] = [
      [1, 2],
      [2.4, 3],
      [3.6, 4],
      [5, 5.1],
    ];
    expect(inSeconds(findPhrases(recording(6, spans)))).toEqual([
      [1, 3],
      [3.6, 4],
    ]);
  });

  it('a plan is the same for the same seed, in order, by turns, and ends in time', () => {
    const voices = [loud, slow];
    const plan = planConversation(voices, 300 * RATE, 1);
    expect(planConversation(voices, 300 * RATE, 1)).toEqual(plan);
    expect(planConversation(voices, 300 * RATE, 2)).not.toEqual(plan);
    expect(plan.length).toBeGreaterThan(20);
    for (const [i, { voice, start }] of plan.slice(1).entries()) {
      expect(start).toBeGreaterThan(plan[i]?.start ?? Number.NaN);
      expect(voice).not.toBe(plan[i]?.voice);
    }
    const turns = turnsOf(voices, plan);
    expect(Math.max(...turns.map(({ end }) => end))).toBeLessThanOrEqual(300);
    const overlaps = turns.filter((turn, i) => turn.start < (turns[i - 1]?.end ?? 0));
    expect(overlaps.length).toBeGreaterThan(3);
  });

  it('is heard where the reference says so, across the borders of blocks, and added up where two speak', () => {
    const voices = [steady, loud];
    const plan: Utterance[] = [
      { voice: 0, start: 9 * RATE, heard: { start: 0, end: 12 * RATE }, phrases: [{ start: 0, end: 12 * RATE }] },
      {
        voice: 1,
        start: 20 * RATE,
        heard: { start: 2 * RATE, end: 6 * RATE },
        phrases: findPhrases(loud.samples).slice(1, 3),
      },
    ];
    expect(turnsOf(voices, plan)).toEqual([
      { speaker: 'steady', start: 9, end: 21 },
      { speaker: 'loud', start: 20, end: 21.5 },
      { speaker: 'loud', start: 22, end: 23.5 },
    ]);
    const blocks = [...mixConversation(voices, plan, 25 * RATE)];
    expect(blocks.map(({ length }) => length / RATE)).toEqual([10, 10, 5]);
    const level = (second: number) => Math.abs(blocks[Math.floor(second / 10)]?.[(second % 10) * RATE] ?? Number.NaN);
    expect([8.5, 9.5, 15, 20.5, 21.25, 21.75, 23, 24].map(level)).toEqual([
      0, 1000, 1000, 11_000, 10_000, 10, 10_000, 0,
    ]);
  });
});

describe('stage clock', () => {
  it('counts time before an event as its stage’s, and behind the beginning of a stage as that one’s', () => {
    let time = 0;
    const clock = stageClock(() => time);
    const hear = (at: number, stage: string, done: number) => {
      time = at;
      clock.hear({ stage, done });
    };
    hear(1, 'decoding', 0);
    hear(5, 'segmentation', 0.5);
    hear(8, 'segmentation', 1);
    hear(20, 'embedding', 1);
    hear(20, 'clustering', 0);
    time = 27;
    expect(clock.end()).toEqual({ decoding: 5, segmentation: 3, embedding: 12, clustering: 7 });
  });
});
