import { expect, test } from 'vitest';
import type { LogLine } from '../../backend/src/contract/logs.ts';
import { fieldsText, mergeLines } from '../../frontend/src/features/logs/merge-lines.ts';

const line = (seq: number, change: Partial<LogLine> = {}): LogLine => ({
  seq,
  at: '2026-05-10T12:00:00.000Z',
  level: 'info',
  message: `line ${seq}`,
  request_id: null,
  fields: {},
  ...change,
});
const seqs = (lines: LogLine[]) => lines.map(({ seq }) => seq);

test('pages come newest first, live lines follow without repeats', () => {
  expect(seqs(mergeLines([[line(5), line(4)], [line(3)]], [line(4), line(5), line(6)], {}))).toEqual([3, 4, 5, 6]);
  expect(seqs(mergeLines([], [line(1)], {}))).toEqual([1]);
});

test('live lines are filtered as the server filters', () => {
  const live = [
    line(1, { level: 'error', request_id: 'req-a' }),
    line(2, { level: 'warn', request_id: 'req-b' }),
    line(3, { level: 'info', fields: { model: 'Whisper' } }),
  ];
  expect(seqs(mergeLines([], live, { level: 'warn' }))).toEqual([1, 2]);
  expect(seqs(mergeLines([], live, { request_id: 'req-b' }))).toEqual([2]);
  expect(seqs(mergeLines([], live, { q: 'whisper' }))).toEqual([3]);
  expect(seqs(mergeLines([], live, { q: 'LINE 1', level: 'error' }))).toEqual([1]);
});

test('fields are written as name and value', () => {
  expect(fieldsText({ gpu: 2, model: 'tiny', reason: 'no room', list: [1] })).toBe(
    'gpu=2 model=tiny reason="no room" list=[1]',
  );
});
