import { statfs } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, describe, expect, it } from 'vitest';
import { host as hostSchema } from '../../../backend/src/contract/host.ts';
import { HostMonitor } from '../../../backend/src/gpu/host.ts';
import { silentLog } from '../../support/silent-log.ts';

describe('the machine', () => {
  const folders = { data: '/', models: '/tmp', logs: '/no-such-folder' };
  const host = new HostMonitor({ folders, environment: { PATH: '/usr/bin:/bin' }, log: silentLog });
  afterAll(() => host.close());

  it('tells of processors, memory and the disks of the folders, and what it cannot know is null', async () => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const sample = await host.read();
    delay.disable();
    expect(hostSchema.parse(sample)).toEqual(sample);
    expect(sample.memory?.total_bytes).toBeCloseTo(totalmem(), -8);
    expect(sample.memory?.available_bytes).toBeLessThan(sample.memory?.total_bytes ?? 0);
    expect(sample.cpu.load_percent).toBeGreaterThanOrEqual(0);
    expect(sample.cpu.load_percent).toBeLessThanOrEqual(100);
    expect(sample.cpu.cores).toBeLessThanOrEqual(cpus().length);
    const { blocks, bsize } = await statfs('/');
    expect(sample.disks[0]).toMatchObject({ folder: 'data', total_bytes: blocks * bsize });
    expect(sample.disks[2]).toMatchObject({ folder: 'logs', total_bytes: null, mount: null });
    // Programs are started and waited for elsewhere; a machine with every core busy is late by itself.
    expect(delay.percentile(50) / 1e6).toBeLessThan(20);
  });

  it('is asked once for all who ask within a few seconds', async () => {
    const [one, other] = await Promise.all([host.read(), host.read()]);
    expect(other).toBe(one);
    expect(await host.read()).toBe(one);
  });
});
