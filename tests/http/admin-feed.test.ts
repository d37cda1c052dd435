/** The events of operators' pages: what is told, what is kept, and who is let go. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AdminFeed, type FeedReader } from '../../backend/src/http/admin/admin-feed.ts';
import { adminModel } from '../support/admin-model.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const change = (id: string, rev: number) => ({ type: 'model.state' as const, rev, model: adminModel({ id, rev }) });
const line = (seq: number) => {
  const at = '2026-01-01T00:00:00.000Z';
  const said = { seq, at, level: 'info' as const, message: `line ${seq}`, request_id: null, fields: {} };
  return { type: 'log.line' as const, rev: seq, line: said };
};

function reader(options: { logs?: boolean; isSlow?: boolean } = {}) {
  const frames: string[] = [];
  const ended = vi.fn<() => void>();
  const item: FeedReader = {
    logs: options.logs ?? false,
    write: (frame) => {
      frames.push(frame);
      return options.isSlow !== true;
    },
    end: ended,
  };
  const revs = () => frames.map((frame) => Number(/"rev":(\d+)/.exec(frame)?.[1]));
  return { item, frames, revs, ended };
}

it('tells the last state of each thing four times a second, the same text to all', () => {
  const feed = new AdminFeed();
  const [first, second] = [reader(), reader()];
  for (const { item } of [first, second]) feed.subscribe(item);
  for (let rev = 1; rev <= 50; rev += 1) feed.publish(`model ${rev % 2}`, change(`m${rev % 2}`, rev));
  vi.advanceTimersByTime(249);
  expect(first.frames).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(first.revs()).toEqual([49, 50]);
  expect(second.frames).toEqual(first.frames);
  feed.publish('model 1', change('m1', 51));
  vi.advanceTimersByTime(250);
  expect(first.revs()).toEqual([49, 50, 51]);
});

it('one that comes back gets what it missed, and nothing of a gap that is not known', () => {
  const feed = new AdminFeed();
  const page = reader();
  const leave = feed.subscribe(page.item);
  const seen = feed.lastId;
  leave();
  feed.publish('a', change('a', 7));
  vi.advanceTimersByTime(250);
  expect(feed.since(seen)?.map((frame) => /"rev":7/.test(frame))).toEqual([true]);
  expect(feed.since(feed.lastId)).toEqual([]);
  expect(feed.since(seen - 1)).toBeUndefined();
  expect(feed.since(feed.lastId + 1)).toBeUndefined();
  expect(feed.since(Number('none'))).toBeUndefined();
  vi.advanceTimersByTime(60_000);
  expect(feed.isActive).toBe(false);
  feed.publish('a', change('a', 8));
  feed.subscribe(page.item);
  expect(feed.since(seen)).toBeUndefined();
});

it('keeps the last thousand at least, and says when that was not enough', () => {
  const feed = new AdminFeed();
  feed.subscribe(reader().item);
  const seen = feed.lastId;
  for (let rev = 1; rev <= 2_500; rev += 1) {
    feed.publish(`m${rev}`, change('a', rev));
    if (rev % 500 === 0) vi.advanceTimersByTime(250);
  }
  expect(feed.since(seen)).toBeUndefined();
  expect(feed.since(feed.lastId - 1_000)).toHaveLength(1_000);
});

it('lines of the log go to those who asked, the last hundred of a quarter second', () => {
  const feed = new AdminFeed();
  const [plain, tail] = [reader(), reader({ logs: true })];
  feed.subscribe(plain.item);
  expect(feed.wantsLogs).toBe(false);
  feed.subscribe(tail.item);
  expect(feed.wantsLogs).toBe(true);
  for (let seq = 1; seq <= 150; seq += 1) feed.publish('log', line(seq));
  vi.advanceTimersByTime(250);
  expect(plain.frames).toEqual([]);
  expect([tail.revs()[0], tail.revs().length]).toEqual([51, 100]);
});

it('one that does not read is let go, and holds nobody up', () => {
  const feed = new AdminFeed();
  const [slow, quick] = [reader({ isSlow: true }), reader()];
  for (const { item } of [slow, quick]) feed.subscribe(item);
  for (let rev = 1; rev <= 257; rev += 1) feed.publish(`m${rev}`, change('a', rev));
  vi.advanceTimersByTime(250);
  expect(slow.ended).toHaveBeenCalledOnce();
  expect(quick.frames).toHaveLength(257);
  expect(quick.ended).not.toHaveBeenCalled();
});
