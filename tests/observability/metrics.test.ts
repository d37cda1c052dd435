/** What the gauges and counters say, their cost, and that a source which fails takes nothing else with it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { AdminModel } from '../../backend/src/contract/admin.ts';
import { Metrics, type MetricsOptions } from '../../backend/src/observability/metrics.ts';
import { adminModel, adminReplica } from '../support/admin-model.ts';
import { type MetricFamily, parsePrometheus } from '../support/prometheus-text.ts';

const replica = (fields: Parameters<typeof adminReplica>[0]) =>
  adminReplica({ id: 'fake/echo#0', state: 'ready', pid: 1, ...fields });
const model = (fields: Partial<AdminModel>) =>
  adminModel({
    id: 'fake/echo',
    files: { state: 'present', bytes: 5, total_bytes: 5, commit: null, reason: null, download: null },
    replicas: [replica({})],
    ...fields,
  });

function open(change: Partial<MetricsOptions> = {}) {
  const metrics = new Metrics({
    version: '1.2.3',
    models: () => [],
    gpus: () => ({ state: 'unavailable', data: [] }),
    accounted: () => [],
    residue: () => [],
    countUnfinishedJobs: async () => ({ queued: 0, running: 0 }),
    pingDatabase: async () => {},
    ...change,
  });
  const read = async () => parsePrometheus((await metrics.scrape()).text);
  return { metrics, read };
}

/** Value by the labels' values; a family without samples is `{}`. */
function valuesOf(families: Map<string, MetricFamily>, name: string): Record<string, number> {
  const family = families.get(`audio_gateway_${name}`);
  if (family === undefined) throw new Error(`there is no ${name}`);
  return Object.fromEntries(family.samples.map(({ labels, value }) => [Object.values(labels).join(' '), value]));
}

describe('metrics', () => {
  it('count requests by route and class of status, and never by anything a caller makes up', async () => {
    const { metrics, read } = open();
    const end = (change: object) => {
      metrics.requestBegan();
      const request = { method: 'GET', route: '/v1/models', status: 200, seconds: 0.02, error: undefined };
      metrics.requestEnded({ ...request, ...change });
    };
    end({});
    end({ status: 499 });
    end({ status: 503, error: 'model_loading', seconds: 400 });
    for (let index = 0; index < 100; index += 1) end({ method: `X${index}`, route: undefined, status: 404 });
    metrics.requestBegan();
    const families = await read();
    expect(valuesOf(families, 'http_requests_total')).toEqual({
      'GET /v1/models 2xx': 1,
      'GET /v1/models 4xx': 1,
      'GET /v1/models 5xx': 1,
      'other other 4xx': 100,
    });
    expect(valuesOf(families, 'http_requests_in_flight')).toEqual({ '': 1 });
    expect(valuesOf(families, 'errors_total')).toEqual({ model_loading: 1 });
    const durations = families.get('audio_gateway_http_request_duration_seconds')?.samples ?? [];
    const bucket = (le: string) => durations.find(({ labels }) => labels.route === '/v1/models' && labels.le === le);
    expect([bucket('0.005'), bucket('0.025'), bucket('300'), bucket('600')].map((item) => item?.value)).toEqual([
      0, 2, 2, 3,
    ]);
  });

  it('tell of models as they are at that moment', async () => {
    let models = [
      model({
        queued: 4,
        replicas: [
          replica({ in_flight: 2, resident_bytes: 1_000 }),
          replica({ id: 'fake/echo#1', device: 'cuda:0', state: 'starting' }),
        ],
      }),
      model({
        id: 'other',
        files: { state: 'downloading', bytes: 7, total_bytes: 9, commit: null, reason: null, download: null },
        replicas: [],
      }),
    ];
    const { read } = open({
      models: () => models,
      accounted: () => [{ model: 'fake/echo', device: 'cpu', replica: 'fake/echo#0', bytes: 1_500 }],
      residue: () => [{ device: 'cuda:0', bytes: 20 }],
      countUnfinishedJobs: async () => ({ queued: 4, running: 1 }),
    });
    const families = await read();
    expect(valuesOf(families, 'queued_requests')).toEqual({ 'fake/echo': 4, other: 0 });
    expect(valuesOf(families, 'running_requests')).toEqual({ 'fake/echo': 2, other: 0 });
    expect(valuesOf(families, 'replicas')).toMatchObject({
      'fake/echo cpu ready': 1,
      'fake/echo cpu starting': 0,
      'fake/echo cuda:0 ready': 0,
      'fake/echo cuda:0 starting': 1,
    });
    expect(valuesOf(families, 'replica_resident_bytes')).toEqual({ 'fake/echo cpu fake/echo#0': 1_000 });
    expect(valuesOf(families, 'replica_accounted_bytes')).toEqual({ 'fake/echo cpu fake/echo#0': 1_500 });
    expect(valuesOf(families, 'device_residue_bytes')).toEqual({ 'cuda:0': 20 });
    expect(valuesOf(families, 'download_received_bytes')).toEqual({ other: 7 });
    expect(valuesOf(families, 'download_size_bytes')).toEqual({ other: 9 });
    expect(valuesOf(families, 'jobs')).toEqual({ queued: 4, running: 1 });
    models = [];
    expect(valuesOf(await read(), 'replicas')).toEqual({});
  });

  it('tell of GPUs while the driver does, and leave out what it does not know', async () => {
    const figures = { temperature_celsius: 41, power_watts: null, utilization_percent: 35 };
    const gpu = { index: 0, uuid: 'GPU-a', name: 'H200', memory_used_bytes: 5, memory_total_bytes: 9, ...figures };
    let state: 'available' | 'failing' = 'available';
    const { read } = open({ gpus: () => ({ state, data: [{ ...gpu, state: 'ok' }] }) });
    const families = await read();
    const key = '0 GPU-a';
    expect(valuesOf(families, 'gpu_monitor_up')).toEqual({ '': 1 });
    expect(valuesOf(families, 'gpu_info')).toEqual({ [`${key} H200`]: 1 });
    expect(valuesOf(families, 'gpu_up')).toEqual({ [key]: 1 });
    expect(valuesOf(families, 'gpu_memory_used_bytes')).toEqual({ [key]: 5 });
    expect(valuesOf(families, 'gpu_memory_total_bytes')).toEqual({ [key]: 9 });
    expect(valuesOf(families, 'gpu_utilization_ratio')).toEqual({ [key]: 0.35 });
    expect(valuesOf(families, 'gpu_temperature_celsius')).toEqual({ [key]: 41 });
    expect(valuesOf(families, 'gpu_power_watts')).toEqual({});
    state = 'failing';
    const later = await read();
    expect(valuesOf(later, 'gpu_monitor_up')).toEqual({ '': 0 });
    expect(valuesOf(later, 'gpu_memory_used_bytes')).toEqual({});
  });

  it('count starts, failed loads and crashes of workers, each once', async () => {
    const { metrics, read } = open();
    const become = (state: AdminModel['replicas'][number]['state'], crashes_in_a_row = 0) => {
      // Every change is told more than once.
      for (let times = 0; times < 3; times += 1) {
        metrics.modelChanged(model({ replicas: [replica({ state, crashes_in_a_row })] }));
      }
    };
    become('stopped');
    expect(valuesOf(await read(), 'worker_crashes_total')).toEqual({ 'fake/echo cpu': 0 });
    become('starting');
    become('ready');
    become('stopped', 1); // crashed
    become('starting', 1);
    become('ready', 1);
    become('ready', 0); // a request went through
    become('stopping');
    become('stopped'); // unloaded
    become('starting');
    become('failed', 1);
    const families = await read();
    expect(valuesOf(families, 'worker_starts_total')).toEqual({ 'fake/echo cpu': 3 });
    expect(valuesOf(families, 'worker_crashes_total')).toEqual({ 'fake/echo cpu': 1 });
    expect(valuesOf(families, 'worker_load_failures_total')).toEqual({ 'fake/echo cpu': 1 });
  });

  it('go on without a database that hangs, and without a source that throws', { timeout: 8_000 }, async () => {
    const never = new Promise<never>(() => {});
    const { read } = open({
      pingDatabase: () => never,
      countUnfinishedJobs: () => never,
      models: () => {
        throw new Error('broken');
      },
    });
    const families = await read();
    expect(valuesOf(families, 'database_up')).toEqual({ '': 0 });
    expect(valuesOf(families, 'jobs')).toEqual({});
    expect(valuesOf(families, 'replicas')).toEqual({});
    expect(families.get('process_resident_memory_bytes')?.samples).toHaveLength(1);
    expect(families.get('nodejs_eventloop_lag_p99_seconds')?.samples).toHaveLength(1);
  });

  it('cost a request next to nothing', () => {
    const { metrics } = open();
    const request = { method: 'POST', route: '/v1/audio/transcriptions', status: 200, seconds: 0.3, error: undefined };
    const count = 20_000;
    const start = performance.now();
    for (let index = 0; index < count; index += 1) {
      metrics.requestBegan();
      metrics.requestEnded(request);
    }
    // 2 to 3 µs on a machine that does nothing else; the limit is 50.
    expect((1_000 * (performance.now() - start)) / count).toBeLessThan(25);
  });

  const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
  if (!hasPromtool) process.stderr.write('SKIPPED: "promtool finds nothing to mend": promtool is not installed\n');
  it.skipIf(!hasPromtool)('promtool finds nothing to mend', async () => {
    const { metrics } = open({ models: () => [model({})] });
    metrics.audioDone('fake/echo', 'transcription', 1.5);
    metrics.uploaded(3);
    metrics.jobEnded('failed');
    const { text } = await metrics.scrape();
    // Node's own collectors have names that its linter does not like.
    const ours = text.split(/\n(?=# HELP )/).filter((part) => part.startsWith('# HELP audio_gateway_'));
    const input = `${ours.map((part) => part.trim()).join('\n')}\n`;
    expect(execFileSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })).toBe('');
  });
});
