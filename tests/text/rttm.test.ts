import { describe, expect, it } from 'vitest';
import { parseRttm, rttmName, writeRttm } from '../../backend/src/text/rttm.ts';
import { recorded, unpackTurns } from './recorded-diarizations.ts';

describe('writeRttm', () => {
  it('writes to the character what pyannote.core writes', () => {
    expect(writeRttm('my-file', unpackTurns(recorded.rttm.turns))).toBe(recorded.rttm.rttm);
  });

  it.each([
    [0.0625, '0.062'],
    [0.1875, '0.188'],
    [8.3125, '8.312'],
    [8.4375, '8.438'],
    [-0.0625, '-0.062'],
    [-0.1875, '-0.188'],
    [1.0005, '1.000'],
    [2.0015, '2.002'],
    [3600, '3600.000'],
  ])('rounds %d to %s, as Python does', (start, expected) => {
    expect(writeRttm('f', [{ start, end: 5000, speaker: 'A' }]).split(' ')[3]).toBe(expected);
  });

  it('refuses names that would break the line', () => {
    const turn = { start: 0, end: 1, speaker: 'Jane Doe' };
    expect(() => writeRttm('f', [turn])).toThrow("no way to name the speaker 'Jane Doe'");
    expect(() => writeRttm('my file', [])).toThrow("no way to name the file 'my file'");
    expect(() => writeRttm('', [])).toThrow('no way to name the file');
    expect(writeRttm(rttmName(' my\t file\n'), [{ ...turn, speaker: rttmName('Jane Doe') }])).toBe(
      'SPEAKER my_file 1 0.000 1.000 <NA> <NA> Jane_Doe <NA> <NA>\n',
    );
    expect(rttmName(' ')).toBe('<NA>');
  });
});

describe('parseRttm', () => {
  it('reads what was written, to the millisecond', () => {
    const turns = unpackTurns(recorded.rttm.turns).sort((a, b) => a.start - b.start || a.end - b.end);
    const read = parseRttm(recorded.rttm.rttm);
    expect(read.map(({ file, speaker }) => [file, speaker])).toEqual(turns.map(({ speaker }) => ['my-file', speaker]));
    for (const [i, { start, end }] of read.entries()) {
      expect(Math.abs(start - (turns[i]?.start ?? Number.NaN))).toBeLessThan(0.000_501);
      expect(Math.abs(end - (turns[i]?.end ?? Number.NaN))).toBeLessThan(0.001_001);
    }
  });

  it('passes over comments, empty lines and lines of other types', () => {
    const text = [
      ';; by hand',
      'SPKR-INFO a 1 <NA> <NA> <NA> unknown X <NA> <NA>',
      '',
      'SPEAKER a 1 0.5 1.25 <NA> <NA> X <NA> <NA>\r',
      '  SPEAKER\tb 1 .5 2 <NA> <NA> Y <NA>',
    ].join('\n');
    expect(parseRttm(text)).toEqual([
      { file: 'a', start: 0.5, end: 1.75, speaker: 'X' },
      { file: 'b', start: 0.5, end: 2.5, speaker: 'Y' },
    ]);
    expect(parseRttm('')).toEqual([]);
  });

  it.each([
    ['SPEAKER a 1 0.5 1 <NA> <NA>', '8 to 10 fields are expected, not 7'],
    ['SPEAKER my file 1 0.5 1 <NA> <NA> X <NA> <NA>', '8 to 10 fields are expected, not 11'],
    ['SPEAKER a 1 soon 1 <NA> <NA> X <NA> <NA>', "the start is not a number: 'soon'"],
    ['SPEAKER a 1 0 0x10 <NA> <NA> X <NA> <NA>', "the duration is not a number: '0x10'"],
    ['SPEAKER a 1 0 -1 <NA> <NA> X <NA> <NA>', 'the duration is negative: -1'],
    ['SPEAKER a 1 NaN 1 <NA> <NA> X <NA> <NA>', "the start is not a number: 'NaN'"],
    ['{"error": 1}', `'{"error":' is not a type of RTTM`],
  ])('names the line of %j', (line, message) => {
    expect(() => parseRttm(`;; c\n\n${line}\n`)).toThrow(`RTTM line 3: ${message}`);
  });
});
