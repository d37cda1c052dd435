import { describe, expect, it } from 'vitest';
import type { AdminReplica } from '../../../backend/src/contract/admin.ts';
import { spansUntil } from '../../../backend/src/gpu/gpu-history.ts';
import { ReplicaTimeline } from '../../../backend/src/gpu/replica-timeline.ts';
import { adminReplica } from '../../support/admin-model.ts';

const START = 1_800_000_000;
const GPU = 'GPU-0';
const model = (fields: Partial<AdminReplica>, id = 'm') => ({
  id,
  replicas: [adminReplica({ id: `${id}#0`, device: GPU, ...fields })],
});
const ready = (bytes: number, pid = 1) => model({ state: 'ready', pid, resident_bytes: bytes });

describe('who held the memory of GPUs', () => {
  it('tells what each replica held at the end of each span, and nothing of when it had no process', () => {
    const timeline = new ReplicaTimeline();
    for (let second = 12; second <= 36; second += 4)
      timeline.noteHeld([ready(second < 25 ? 100 : 300)], START + second);
    timeline.noteHeld([model({ state: 'stopped' })], START + 40);
    timeline.noteHeld([ready(50, 2), model({ device: 'cpu', pid: 3, resident_bytes: 9 }, 'other')], START + 52);
    const spans = spansUntil(START + 52, 60, 10);
    expect(timeline.held(GPU, spans)).toEqual([
      { replica: 'm#0', model: 'm', bytes: [null, 100, 300, 300, null, null] },
      { replica: 'm#0', model: 'm', bytes: [null, null, null, null, null, 50] },
    ]);
    expect(timeline.held('GPU-1', spans)).toEqual([]);
  });

  it('goes on from before the window, and forgets who has gone an hour ago', () => {
    const timeline = new ReplicaTimeline();
    timeline.noteHeld([ready(100), { ...ready(7, 9), id: 'short' }], START);
    for (let second = 10; second <= 7_200; second += 10) timeline.noteHeld([ready(100)], START + second);
    const spans = spansUntil(START + 7_200, 30, 10);
    expect(timeline.held(GPU, spans)).toEqual([{ replica: 'm#0', model: 'm', bytes: [100, 100, 100] }]);
    expect(timeline.held(GPU, spansUntil(START + 7_200, 7_200, 600))).toHaveLength(1);
  });
});

describe('when replicas came and went', () => {
  it('is told once of each, crashes apart from unloads', () => {
    const timeline = new ReplicaTimeline();
    const states: Partial<AdminReplica>[] = [
      { state: 'stopped' },
      { state: 'starting' },
      { state: 'ready', pid: 1 },
      { state: 'ready', pid: 1, in_flight: 1 },
      { state: 'stopping', pid: 1 },
      { state: 'stopped' },
      { state: 'starting' },
      { state: 'ready', pid: 2 },
      { state: 'stopped', crashes_in_a_row: 1 },
      { state: 'starting', crashes_in_a_row: 1 },
      { state: 'failed', crashes_in_a_row: 2 },
    ];
    for (const [index, fields] of states.entries()) timeline.noteModel(model(fields), START + index);
    timeline.noteModel(model({ state: 'ready', device: 'cpu' }, 'other'), START);
    const events = timeline.events(START);
    expect(events.map(({ at, type }) => [at - START, type])).toEqual([
      [2, 'loaded'],
      [5, 'unloaded'],
      [7, 'loaded'],
      [8, 'crashed'],
      [10, 'load_failed'],
    ]);
    expect(events[0]).toMatchObject({ device: GPU, model: 'm', replica: 'm#0' });
    expect(timeline.events(START + 8)).toHaveLength(2);
  });
});
