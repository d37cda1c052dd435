import { describe, expect, it } from 'vitest';
import { toSrt, toVtt } from '../../backend/src/text/subtitles.ts';

const CUES = [
  { start: 0, end: 2.5, text: ' And so, my fellow Americans' },
  { start: 3661.0004, end: 3662.9996, text: 'ask not --> what ' },
];

describe('toSrt', () => {
  it('numbers from 1, writes commas and strips the text', () => {
    expect(toSrt(CUES)).toBe(
      '1\n00:00:00,000 --> 00:00:02,500\nAnd so, my fellow Americans\n\n' +
        '2\n01:01:01,000 --> 01:01:03,000\nask not -> what\n\n',
    );
  });

  it('of no cues is empty', () => {
    expect(toSrt([])).toBe('');
  });
});

describe('toVtt', () => {
  it('always writes two-digit hours, and points', () => {
    expect(toVtt(CUES)).toBe(
      'WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nAnd so, my fellow Americans\n\n' +
        '01:01:01.000 --> 01:01:03.000\nask not -> what\n\n',
    );
  });

  it('of no cues is the header', () => {
    expect(toVtt([])).toBe('WEBVTT\n\n');
  });
});

describe('times', () => {
  const line = (start: number, end: number) => toVtt([{ start, end, text: 'x' }]).split('\n')[2];

  it.each([
    [0.0004, 0.0005, '00:00:00.000 --> 00:00:00.001'],
    [59.9996, 60, '00:01:00.000 --> 00:01:00.000'],
    [3599.9999, 3600, '01:00:00.000 --> 01:00:00.000'],
    [359_999.999, 360_000.25, '99:59:59.999 --> 100:00:00.250'],
    [2, 1, '00:00:02.000 --> 00:00:02.000'],
    [-0.02, 0.1, '00:00:00.000 --> 00:00:00.100'],
  ])('%d to %d', (start, end, expected) => {
    expect(line(start, end)).toBe(expected);
  });
});

it('no text can end its cue or look like a time line', () => {
  const text = '\n a ---> b\r\n\r\n  c\n\n\nd -->-->\n';
  expect(toSrt([{ start: 0, end: 1, text }])).toBe('1\n00:00:00,000 --> 00:00:01,000\na -> b\nc\nd ->->\n\n');
});

describe('speakers', () => {
  const cues = [
    { start: 0, end: 1, text: ' Hello?', speaker: 'A' },
    { start: 1, end: 2, text: ' if a < b && b --> c:\n</v>', speaker: 'Tom & <Jerry>\n-->' },
    { start: 2, end: 3, text: ' a < b & c' },
  ];

  it('stand in front of the text in SubRip, as WhisperX writes them', () => {
    expect(toSrt(cues)).toBe(
      '1\n00:00:00,000 --> 00:00:01,000\n[A]: Hello?\n\n' +
        '2\n00:00:01,000 --> 00:00:02,000\n[Tom & <Jerry> ->]: if a < b && b -> c:\n</v>\n\n' +
        '3\n00:00:02,000 --> 00:00:03,000\na < b & c\n\n',
    );
  });

  it('are voices in WebVTT, out of which neither a name nor a text can break; a cue without one stays as it was', () => {
    expect(toVtt(cues)).toBe(
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v A>Hello?\n\n' +
        '00:00:01.000 --> 00:00:02.000\n' +
        '<v Tom &amp; &lt;Jerry&gt; --&gt;>if a &lt; b &amp;&amp; b -&gt; c:\n&lt;/v&gt;\n\n' +
        '00:00:02.000 --> 00:00:03.000\na < b & c\n\n',
    );
  });
});
