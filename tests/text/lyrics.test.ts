import { expect, it } from 'vitest';
import { lyricLines, toLrc, toLyricsVtt } from '../../backend/src/text/lyrics.ts';

const word = (text: string, start: number, end: number) => ({ word: text, start, end });

const SEGMENTS = [
  { start: 0, end: 3, text: ' Row, row your boat' },
  { start: 75.2, end: 80, text: ' gently down & down' },
  { start: 90, end: 92, text: ' [la la]' },
];
const WORDS = [
  word('Row,', 0, 0.5),
  word('row', 0.5, 1),
  word('your', 1.004, 1.2),
  word('boat', 1.2, 1.9),
  word('gently', 75.2, 75.9),
  word('down', 75.9, 76.5),
  word('&', 76.5, 76.6),
  word('down', 78, 79.994),
];

it('writes enhanced LRC: a line for each segment, cut at pauses, with the time of each word and of the end', () => {
  expect(toLrc(lyricLines(SEGMENTS, WORDS))).toBe(
    [
      '[00:00.00]<00:00.00>Row, <00:00.50>row <00:01.00>your <00:01.20>boat <00:01.90>',
      '[01:15.20]<01:15.20>gently <01:15.90>down <01:16.50>& <01:16.60>',
      '[01:18.00]<01:18.00>down <01:19.99>',
      '[01:30.00]<01:30.00>la la <01:32.00>',
      '',
    ].join('\n'),
  );
});

it('writes WebVTT whose marks lie within their cue and grow', () => {
  expect(toLyricsVtt(lyricLines(SEGMENTS, WORDS))).toBe(
    [
      'WEBVTT\n',
      '00:00:00.000 --> 00:00:01.900\nRow, <00:00:00.500>row <00:00:01.004>your <00:00:01.200>boat\n',
      '00:01:15.200 --> 00:01:16.600\ngently <00:01:15.900>down <00:01:16.500>&amp;\n',
      '00:01:18.000 --> 00:01:19.994\ndown\n',
      '00:01:30.000 --> 00:01:32.000\n[la la]\n',
      '',
    ].join('\n'),
  );
  const crossing = [word('a', 5, 5.2), word('b', 4, 4.3), word('c', 5.1, 5.2)];
  const vtt = toLyricsVtt(lyricLines([{ start: 4, end: 6, text: 'a b c' }], crossing));
  expect(vtt).toContain('00:00:04.000 --> 00:00:05.200\n<00:00:05.000>a b <00:00:05.100>c\n');
});

it('cuts long lines between words, and takes the text as it is written', () => {
  const text = '朝日は昇る、そしてまた沈む。';
  const letters = [...'朝日は昇るそしてまた沈む'].map((letter, i) => word(letter, i / 4, (i + 1) / 4));
  const [line] = lyricLines([{ start: 0, end: 4, text }], letters);
  expect(line?.words.map((each) => each.text).join('')).toBe(text);
  const many = Array.from({ length: 20 }, (_, i) => word('again', i / 2, i / 2 + 0.4));
  const lines = lyricLines([{ start: 0, end: 10, text: many.map((each) => each.word).join(' ') }], many);
  expect(lines.map(({ words }) => words.length)).toEqual([7, 7, 6]);
  expect(toLrc(lyricLines([], []))).toBe('');
  expect(toLrc(lyricLines([{ start: 6000, end: 6001, text: 'late' }], []))).toBe(
    '[100:00.00]<100:00.00>late <100:01.00>\n',
  );
});
