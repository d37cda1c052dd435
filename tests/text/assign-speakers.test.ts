import { describe, expect, it } from 'vitest';
import { assignSegmentSpeakers, assignSpeakers, groupBySpeaker } from '../../backend/src/text/assign-speakers.ts';
import type { TimedWord } from '../../backend/src/text/turn.ts';

/** Words of 0.4 s, back to back; `|` is a pause of 0.6 s, `'` behind a word makes it last 0.8 s. */
function say(text: string): TimedWord[] {
  let now = 0;
  return text.split(' ').flatMap((piece) => {
    const seconds = piece === '|' ? 0.6 : piece.endsWith("'") ? 0.8 : 0.4;
    const word = { word: piece.replace(/'$/, ''), start: now, end: now + seconds };
    now = Math.round((now + seconds) * 10) / 10;
    return piece === '|' ? [] : [{ ...word, end: now }];
  });
}

const turn = (start: number, end: number, speaker: string) => ({ start, end, speaker });
/** Speakers in order, as one string. */
const who = (words: readonly TimedWord[], turns: ReturnType<typeof turn>[]) =>
  assignSpeakers(words, turns, 'nobody')
    .map(({ speaker }) => speaker)
    .join('');

describe('assignSpeakers', () => {
  it('gives a word to who speaks for most of it, the parts of several turns added up', () => {
    const words = [
      { word: 'one', start: 0, end: 1 },
      { word: 'two', start: 2, end: 3.5 },
    ];
    expect(who(words, [turn(0.7, 1.5, 'B'), turn(0, 0.7, 'A')])).toBe('AB');
    expect(who(words, [turn(0, 1, 'A'), turn(1, 2.4, 'B'), turn(2.4, 3, 'A'), turn(3, 4, 'B')])).toBe('AB');
  });

  it('keeps the words as they are', () => {
    const words = [{ word: ' one', start: 0, end: 1, probability: 0.5 }];
    expect(assignSpeakers(words, [turn(0, 1, 'A')], 'nobody')).toEqual([{ ...words[0], speaker: 'A' }]);
    expect(words[0]).not.toHaveProperty('speaker');
  });

  it('takes the nearest turn where nobody speaks, no further than half a second away, then the word before', () => {
    const words = (...times: [number, number][]) => times.map(([start, end]) => ({ word: 'x', start, end }));
    const turns = [turn(1, 2, 'A'), turn(8, 9, 'B')];
    expect(who(words([2.4, 2.8], [4, 4.2], [7.6, 7.8]), turns)).toBe('AAB');
    expect(who(words([1, 1.5], [7.3, 7.4]), turns)).toBe('AA');
    expect(who(words([1, 1.5], [7.5, 7.6]), turns)).toBe('AB');
    expect(who(words([6, 6.5], [6.5, 7]), turns)).toBe('BB');
  });

  it('prefers the word before where two are equally near or speak equally long', () => {
    const even = { word: 'b', start: 1, end: 2 };
    const silent = { word: 'b', start: 1.4, end: 1.6 };
    const turns = [turn(1, 1.5, 'A'), turn(1.5, 3, 'B')];
    const apart = [turn(1, 1.25, 'A'), turn(1.75, 3, 'B')];
    for (const [word, around] of [
      [even, turns],
      [silent, apart],
    ] as const) {
      expect(who([word], [...around])).toBe('A');
      expect(who([{ word: 'a', start: 0, end: 0.5 }, word], [turn(0, 0.5, 'B'), ...around])).toBe('BB');
    }
  });

  it('without turns all is nobody’s, without words there is nothing', () => {
    expect(assignSpeakers(say('a b'), [], 'A').map(({ speaker }) => speaker)).toEqual(['A', 'A']);
    expect(assignSpeakers([], [turn(0, 1, 'A')], 'A')).toEqual([]);
  });

  it('finds who speaks, whatever short turns lie within a long one', () => {
    const turns = [turn(0, 9, 'A'), turn(10, 100, 'B'), turn(11, 12, 'C'), turn(13, 14, 'C')];
    expect(
      who(
        [0, 50].map((start) => ({ word: 'x', start, end: start + 1 })),
        turns,
      ),
    ).toBe('AB');
  });

  it('takes words of no length, on a border and within a turn', () => {
    const words = [0.5, 1, 1.5].map((time) => ({ word: 'x', start: time, end: time }));
    expect(who(words, [turn(0, 1, 'A'), turn(1, 2, 'B')])).toBe('AAB');
  });

  it('takes a long meeting', () => {
    const words = Array.from({ length: 100_000 }, (_, i) => ({ word: 'w', start: i * 0.4, end: i * 0.4 + 0.3 }));
    const turns = Array.from({ length: 10_000 }, (_, i) => turn(i * 4, i * 4 + 4, `s${i % 5}`));
    const begin = performance.now();
    const assigned = assignSpeakers(words, turns, 'nobody');
    expect(performance.now() - begin).toBeLessThan(5000);
    expect(assigned.filter(({ speaker }, i) => speaker !== `s${Math.floor(i / 10) % 5}`)).toEqual([]);
  });
});

describe('a single word between two of another speaker', () => {
  const turns = (from: number, to: number) => [turn(0, from, 'A'), turn(from, to, 'B'), turn(to, 9, 'A')];

  it('is given back when its lead is narrow', () => {
    expect(who(say('so we are here'), turns(0.5, 0.75))).toBe('AAAA');
    const [first, , ...others] = say('so we are here');
    const instant = { word: 'we', start: 0.6, end: 0.6 };
    expect(
      who(
        [first, instant, ...others].filter((word) => word !== undefined),
        turns(0.5, 0.75),
      ),
    ).toBe('AAAA');
  });

  it.each([
    ['it is clearly another’s', 'so we are here', 0.42, 0.8],
    ['it is long', "so we' are here", 0.6, 1.15],
    ['a pause comes before it', 'so | we are here', 1.1, 1.35],
    ['a pause comes behind it', 'so we | are here', 0.5, 0.75],
    ['it is a sentence of its own', 'so. we. are here', 0.5, 0.75],
  ])('stays when %s', (_, text, from, to) => {
    expect(who(say(text), turns(from, to))).toBe('ABAA');
  });

  it('stays between two others', () => {
    expect(who(say('so we are'), [turn(0, 0.45, 'A'), turn(0.45, 0.75, 'B'), turn(0.75, 9, 'C')])).toBe('ABC');
  });
});

describe('a change of speakers near the edge of a sentence', () => {
  const two = (change: number) => [turn(0, change, 'A'), turn(change, 9, 'B')];

  it('is moved to it: the turn came too late', () => {
    expect(who(say('how are you? I am fine thanks.'), two(1.6))).toBe('AAABBBB');
  });

  it('is moved to it: the turn came too early', () => {
    expect(who(say('how are you today? I am fine.'), two(1.2))).toBe('AAAABBB');
    expect(who(say('how are you “today?” I am fine.'), two(1.2))).toBe('AAAABBB');
    expect(who(say('你 好 吗 呢？ 我 很 好。'), two(1.2))).toBe('AAAABBB');
  });

  it.each([
    ['the words between last longer than times err', "how are you? I' am fine thanks.", 2, 'AAAABBB'],
    ['there are too many of them', 'how are you? I am fine thanks a lot.', 2, 'AAAAABBBB'],
    ['a pause parts them from the sentence', 'how are you? yes | I am fine.', 1.6, 'AAAABBB'],
    ['nobody says most of the sentence', 'how are you? I am. yes yes.', 1.6, 'AAAABBB'],
    ['no sentence ends there', 'how are you I am fine thanks.', 1.6, 'AAAABBB'],
  ])('stays when %s', (_, text, change, expected) => {
    expect(who(say(text), two(change))).toBe(expected);
  });

  it('is moved over two words at most, when they are short', () => {
    const words = say('how are you? I do not know that at all.').map((word) => ({
      ...word,
      start: word.start / 4,
      end: word.end / 4,
    }));
    expect(who(words, two(0.5))).toBe('AAABBBBBBB');
    expect(who(words, two(0.6))).toBe('AAAAAABBBB');
  });

  it('stays when it is somebody’s own remark', () => {
    const turns = [turn(0, 1.2, 'A'), turn(1.2, 1.6, 'C'), turn(1.6, 9, 'B')];
    expect(who(say('how are you? oh I am fine.'), turns)).toBe('AAACBBB');
  });

  it('tells nothing in a text without punctuation', () => {
    const text = `${Array.from({ length: 51 }, () => 'a').join(' ')} b. c d e.`;
    const change = 52 * 0.4 - 0.4;
    expect(who(say(text), [turn(0, change, 'A'), turn(change, 99, 'B')])).toBe(`${'A'.repeat(51)}BBBB`);
    expect(who(say('a a a a b. c d e.'), two(1.6))).toBe('AAAAABBB');
  });
});

describe('groupBySpeaker', () => {
  const text = ' Hello, “world”! I  didn’t know.\nBye…';
  const spoken = (...packed: [string, number, string][]) =>
    packed.map(([word, start, speaker]) => ({ word, start, end: start + 0.5, speaker }));

  it('splits at changes of the speaker and keeps every character of the text', () => {
    const words = spoken(
      [' Hello', 0, 'A'],
      ['world', 1, 'A'],
      ['I', 2, 'B'],
      [' didn’t', 3, 'B'],
      ['know.', 4, 'A'],
      ['Bye', 5, 'B'],
    );
    const segments = groupBySpeaker(words, text);
    expect(segments.map(({ start, end, speaker, text }) => [start, end, speaker, text])).toEqual([
      [0, 1.5, 'A', ' Hello, “world”!'],
      [2, 3.5, 'B', ' I  didn’t'],
      [4, 4.5, 'A', ' know.'],
      [5, 5.5, 'B', '\nBye…'],
    ]);
    expect(segments.map(({ text }) => text).join('')).toBe(text);
    expect(segments.flatMap(({ words }) => words)).toEqual(words);
  });

  it('keeps the text even where words are not in it', () => {
    const words = spoken(['Hello', 0, 'A'], [`[${'noise'.repeat(8)}]`, 1, 'B'], ['know', 2, 'A'], ['Bye', 3, 'B']);
    const segments = groupBySpeaker(words, text);
    expect(segments.map(({ text }) => text).join('')).toBe(text);
    expect(segments.at(-1)?.text).toBe('\nBye…');
    expect(segments).toHaveLength(4);
  });

  it('takes a text without spaces', () => {
    const words = spoken(['你', 0, 'A'], ['好', 1, 'A'], ['我', 2, 'B']);
    expect(groupBySpeaker(words, '你好我。').map(({ text }) => text)).toEqual(['你好', '我。']);
  });

  it('of no words is nothing', () => {
    expect(groupBySpeaker([], 'text')).toEqual([]);
  });
});

describe('assignSegmentSpeakers', () => {
  it('gives each segment to who speaks for most of it', () => {
    const segments = [
      { start: 0, end: 4, text: ' a' },
      { start: 4, end: 5, text: ' b.' },
      { start: 20, end: 21, text: ' c' },
    ];
    const turns = [turn(0, 1, 'A'), turn(1.5, 4.6, 'B'), turn(4.6, 5, 'A')];
    expect(assignSegmentSpeakers(segments, turns, 'nobody')).toEqual(
      segments.map((segment) => ({ ...segment, speaker: 'B' })),
    );
  });
});
