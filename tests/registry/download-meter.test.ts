import { expect, it } from 'vitest';
import { DownloadMeter } from '../../backend/src/registry/download-meter.ts';

it('says nothing before there is a second to tell from', () => {
  const meter = new DownloadMeter(0);
  meter.add(1_000, 900);
  expect(meter.bytesPerSecond(999)).toBeNull();
  expect(meter.bytesPerSecond(1_000)).toBe(1_000);
});

it('forgets what came more than ten seconds ago', () => {
  const meter = new DownloadMeter(0);
  for (let second = 1; second <= 20; second += 1) meter.add(100, second * 1_000);
  for (let second = 21; second <= 30; second += 1) meter.add(700, second * 1_000);
  expect(meter.bytesPerSecond(30_000)).toBe(700);
});

it('falls to nothing while nothing comes, and says for how long', () => {
  const meter = new DownloadMeter(0);
  meter.add(5_000, 1_000);
  expect([meter.bytesPerSecond(6_000), meter.stalledSeconds(6_000)]).toEqual([833, 5]);
  expect([meter.bytesPerSecond(60_000), meter.stalledSeconds(60_000)]).toEqual([0, 59]);
});

it('a file that is begun again takes nothing from the rate, and a wait for hashes is no stall', () => {
  const meter = new DownloadMeter(0);
  meter.add(3_000, 1_000);
  meter.add(-3_000, 1_500);
  meter.touch(9_000);
  expect([meter.bytesPerSecond(2_000), meter.stalledSeconds(10_000)]).toEqual([1_500, 1]);
});
