import { expect, test } from 'vitest';
import {
  activePiece,
  lastStarted,
  linesOfWords,
  transcriptOf,
} from '../../../frontend/src/features/playground/transcript.ts';

const segment = (start: number, end: number, text: string, more = {}) => ({ start, end, text, ...more });
const word = (text: string, start: number, end: number) => ({ word: text, start, end });
const textsOf = (transcript: ReturnType<typeof transcriptOf>) =>
  transcript.lines.map(({ pieces }) => pieces.map(({ text }) => text));

test('words cut their segment’s own text, so that nothing of it is lost', () => {
  const transcript = transcriptOf(
    [segment(0, 2, ' Well, “hello” world!'), segment(2, 3, ' Bye.')],
    [word('well', 0, 0.4), word('Hello', 0.5, 1), word('world', 1.2, 2), word('bye', 2.1, 2.9)],
  );
  expect(textsOf(transcript)).toEqual([['Well, “', 'hello” ', 'world!'], ['Bye.']]);
  expect(transcript.lines.flatMap(({ pieces }) => pieces.map(({ index }) => index))).toEqual([0, 1, 2, 3]);
  expect(transcript.hasWords).toBe(true);
});

test('a language without spaces stays without', () => {
  const words = [word('你好', 0, 1), word('世界', 1, 2)];
  expect(textsOf(transcriptOf([segment(0, 2, '你好世界')], words))).toEqual([['你好', '世界']]);
});

test('words that are not in the text are shown as they are', () => {
  const words = [word('ten', 0, 1), word('euros', 1, 2)];
  expect(textsOf(transcriptOf([segment(0, 2, '10 €')], words))).toEqual([['ten ', 'euros']]);
});

test('a segment without words is one piece; reasons and speakers stay with their lines', () => {
  const transcript = transcriptOf([segment(1, 2, ' a b ', { speaker: 'A', risk: ['repetition'] }), segment(2, 3, 'c')]);
  expect(textsOf(transcript)).toEqual([['a b'], ['c']]);
  expect(transcript.lines.map(({ speaker, risk }) => [speaker, risk])).toEqual([
    ['A', ['repetition']],
    [undefined, []],
  ]);
  expect(transcript.hasWords).toBe(false);
});

test('a word belongs to the segment around its middle', () => {
  const transcript = transcriptOf(
    [segment(0, 1, 'one'), segment(1, 2, 'two')],
    [word('one', 0.5, 1.2), word('two', 0.9, 1.4)],
  );
  expect(textsOf(transcript)).toEqual([['one'], ['two']]);
});

test('without segments the words make the lines, and nothing of the text is lost', () => {
  const text = 'Well, hello. "Bye!" So it goes';
  const words = [
    word('Well', 0, 0.4),
    word('hello', 0.5, 1),
    word('Bye', 1.1, 1.5),
    word('So', 1.6, 2),
    word('it', 2.1, 2.3),
    word('goes', 4, 5),
  ];
  const lines = linesOfWords(text, words);
  expect(lines.map(({ text: said, start, end }) => [said, start, end])).toEqual([
    ['Well, hello. ', 0, 1],
    ['"Bye!" ', 1.1, 1.5],
    ['So it ', 1.6, 2.3],
    ['goes', 4, 5],
  ]);
  expect(lines.map((line) => line.text).join('')).toBe(text);
  expect(textsOf(transcriptOf(lines, words))).toEqual([['Well, ', 'hello.'], ['"Bye!"'], ['So ', 'it'], ['goes']]);
});

test('words of another speaker begin a line; one without length stays in its own', () => {
  const said = [
    { ...word('yes', 0, 0.5), speaker: 'A' },
    { ...word('no.', 0.6, 0.6), speaker: 'B' },
    { ...word('maybe', 0.6, 1), speaker: 'B' },
  ];
  expect(linesOfWords('yes no. maybe', said).map(({ speaker, text }) => [speaker, text])).toEqual([
    ['A', 'yes '],
    ['B', 'no. maybe'],
  ]);
  expect(linesOfWords('a text without times', [])).toEqual([]);
});

test('a long line without full stops is cut', () => {
  const words = Array.from({ length: 70 }, (_, index) => word('la', index / 10, index / 10 + 0.1));
  const lines = linesOfWords(words.map((each) => each.word).join(' '), words);
  expect(lines.map(({ text }) => text.trim().split(' ').length)).toEqual([30, 30, 10]);
});

test('the active word is the one that has begun and not ended, in pauses none', () => {
  const times = { starts: [0.5, 1, 2], ends: [0.9, 1.5, 2.5] };
  const at = (time: number) => activePiece(times, time);
  expect([0, 0.5, 0.89, 0.95, 1, 1.7, 2.49, 2.5].map(at)).toEqual([-1, 0, 0, -1, 1, -1, 2, -1]);
  expect(activePiece({ starts: [], ends: [] }, 1)).toBe(-1);
});

test('searching 9000 words is the same as looking at each', () => {
  const starts = Array.from({ length: 9000 }, (_, index) => index * 0.37);
  for (const time of [-1, 0, 0.36, 0.37, 1665, 3329.6, 9999]) {
    expect(lastStarted(starts, time)).toBe(starts.filter((start) => start <= time).length - 1);
  }
});
