/** Who holds a device's memory; and what an operator should look at first. */
import { describe, expect, test } from 'vitest';
import type { Gpu } from '../../backend/src/contract/gpus.ts';
import { attentionsOf } from '../../frontend/src/features/overview/attention.ts';
import { deviceMemories, seriesOf } from '../../frontend/src/lib/device-memory.ts';
import { deviceName, shortUuid } from '../../frontend/src/lib/device-name.ts';
import { adminModel, adminReplica } from '../support/admin-model.ts';

const device = (id: string, index: number | null, used_bytes: number) => ({
  id,
  index,
  kind: index === null ? ('cpu' as const) : ('cuda' as const),
  total_bytes: 100,
  used_bytes,
  unavailable: null,
});
const replica = (id: string, fields: object) => adminReplica({ id, device: 'GPU-1', state: 'ready', ...fields });

describe('memory of devices', () => {
  const models = [
    adminModel({ id: 'b', replicas: [replica('b#0', { resident_bytes: 30, expected_bytes: 99 })] }),
    adminModel({ id: 'a', replicas: [replica('a#0', { expected_bytes: 20, state: 'starting' })] }),
    adminModel({ id: 'c', replicas: [replica('c#0', { resident_bytes: 50, state: 'stopped' })] }),
  ];

  test('by replica with a process, other programs, and what is free; GPUs by index before the CPU', () => {
    const devices = [device('cpu', null, 5), device('GPU-1', 1, 60), device('GPU-0', 0, 0)];
    const memories = deviceMemories({ devices }, [], models);
    expect(memories.map(({ id }) => id)).toEqual(['GPU-0', 'GPU-1', 'cpu']);
    expect(memories[1]).toMatchObject({ otherBytes: 10, freeBytes: 40 });
    expect(memories[1]?.held.map(({ model, bytes }) => [model, bytes])).toEqual([
      ['b', 30],
      ['a', 20],
    ]);
    expect([seriesOf(memories)('a'), seriesOf(memories)('b')]).toEqual(['var(--agw-series-1)', 'var(--agw-series-2)']);
  });

  test('the driver’s own figures win, and what it keeps for itself is not free', () => {
    const gpu = { uuid: 'GPU-1', memory_total_bytes: 200, memory_used_bytes: 100, memory_free_bytes: 90 } as Gpu;
    expect(deviceMemories({ devices: [device('GPU-1', 1, 0)] }, [gpu], [])[0]).toMatchObject({
      totalBytes: 200,
      otherBytes: 100,
      freeBytes: 90,
    });
  });

  test('memory that is promised but not yet taken is not free', () => {
    expect(deviceMemories({ devices: [device('GPU-1', 1, 30)] }, [], models)[0]).toMatchObject({
      otherBytes: 0,
      freeBytes: 50,
    });
  });

  test('names of devices', () => {
    expect(deviceName('cpu', null)).toBe('CPU');
    expect(deviceName('GPU-1', 3)).toBe('GPU 3');
    expect(deviceName('GPU-1f2e3d4c-55', undefined)).toBe('1f2e3d4c');
    expect(shortUuid('GPU-1f2e3d4c-55')).toBe('1f2e3d4c');
  });
});

describe('what needs attention', () => {
  test('failures before warnings, with the reason of the replica where the model has none', () => {
    const { files } = adminModel({ id: 'x' });
    const doctor = {
      status: 'fail' as const,
      examined_at: 0,
      findings: [
        { id: 'disk', status: 'warn' as const, summary: 'Little room', fix: 'Delete files', detail: null },
        { id: 'ffmpeg', status: 'fail' as const, summary: 'No ffmpeg', fix: null, detail: null },
      ],
    };
    const models = [
      adminModel({ id: 'slow', fallback: 'No GPU is usable' }),
      adminModel({ id: 'ill', status: 'failed', replicas: [adminReplica({ reason: 'SIGKILL' })] }),
      adminModel({ id: 'gone', files: { ...files, state: 'failed', reason: 'The hub does not answer' } }),
      adminModel({ id: 'well' }),
    ];
    expect(
      attentionsOf(doctor, models).map((item) => [item.kind, item.id, 'reason' in item ? item.reason : item.fix]),
    ).toEqual([
      ['finding', 'ffmpeg', null],
      ['model', 'ill', 'SIGKILL'],
      ['download', 'gone', 'The hub does not answer'],
      ['finding', 'disk', 'Delete files'],
      ['fallback', 'slow', 'No GPU is usable'],
    ]);
    expect(attentionsOf(null, [])).toEqual([]);
  });
});
