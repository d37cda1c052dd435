import { describe, expect, it } from 'vitest';
import { type ServedRequest, Traffic } from '../../backend/src/observability/traffic.ts';

const START = 1_800_000_000;

function open() {
  let now = START + 3;
  const traffic = new Traffic(() => now);
  let count = 0;
  const serve = (change: Partial<ServedRequest> = {}) => {
    count += 1;
    const route = '/v1/audio/transcriptions';
    const request = { method: 'POST', route, status: 200, seconds: 1, error: undefined, model: 'm' };
    traffic.requestEnded({ ...request, id: `req_${count}`, ...change });
  };
  const at = (second: number) => {
    now = START + second;
  };
  return { traffic, serve, at };
}

describe('the last hour of requests', () => {
  it('counts those of callers, by spans of ten seconds, and nothing before the start', () => {
    const { traffic, serve, at } = open();
    for (let index = 0; index < 20; index += 1) serve({ seconds: index < 18 ? 0.1 : 9 });
    serve({ route: '/api/admin/models' });
    serve({ route: '/v1/jobs/{id}/events', seconds: 900 });
    serve({ route: undefined });
    at(15);
    serve({ status: 503, error: 'model_loading' });
    at(22);
    const read = traffic.read();
    expect(read.from).toBe(START + 20 - 359 * 10);
    expect(read.requests_per_second.slice(-4)).toEqual([null, 2, 0.1, 0]);
    expect(read.error_rate.slice(-4)).toEqual([null, 0, 1, null]);
    expect(read.p50_seconds.at(-3)).toBeCloseTo(0.1, 1);
    expect(read.p95_seconds.at(-3)).toBeGreaterThan(8);
    expect(read.p95_seconds.at(-3)).toBeLessThan(10);
    expect(read.now.error_rate).toBeCloseTo(1 / 21, 3);
    expect(read.now.requests_per_second).toBeCloseTo(21 / 19, 2);
    expect(read.requests_per_second).toHaveLength(360);
  });

  it('holds an hour, whatever was before', () => {
    const { traffic, serve, at } = open();
    for (let second = 3; second < 8_000; second += 5) {
      at(second);
      serve();
    }
    const { requests_per_second: rates } = traffic.read();
    expect(rates).toHaveLength(360);
    expect(new Set(rates.slice(0, -1))).toEqual(new Set([0.2]));
    at(20_000);
    expect(new Set(traffic.read().requests_per_second)).toEqual(new Set([0]));
    expect(traffic.read().now).toEqual({
      requests_per_second: 0,
      p50_seconds: null,
      p95_seconds: null,
      error_rate: null,
      queue: 0,
    });
  });

  it('what waits goes on waiting through spans in which nothing changes', () => {
    const { traffic, at } = open();
    traffic.modelChanged({ id: 'a', queued: 5 });
    traffic.modelChanged({ id: 'b', queued: 2 });
    traffic.modelChanged({ id: 'a', queued: 1 });
    at(31);
    traffic.modelChanged({ id: 'b', queued: 0 });
    at(41);
    expect(traffic.read().queue.slice(-6)).toEqual([null, 7, 3, 3, 3, 1]);
    expect(traffic.read().now.queue).toBe(1);
  });
});

describe('the last failures', () => {
  it('are twenty, the newest first, of requests and of jobs; what callers did wrong is none', () => {
    const { traffic, serve } = open();
    for (let index = 0; index < 30; index += 1) serve({ status: 500, error: 'worker_crashed' });
    serve({ status: 400, error: 'invalid_value' });
    traffic.jobFailed('job_1', 'm', 'audio_too_long');
    const { failures } = traffic;
    expect(failures).toHaveLength(20);
    expect(failures[0]).toMatchObject({ kind: 'job', id: 'job_1', code: 'audio_too_long', status: null });
    expect(failures[1]).toMatchObject({
      kind: 'request',
      id: 'req_30',
      code: 'worker_crashed',
      model: 'm',
      status: 500,
    });
  });
});
