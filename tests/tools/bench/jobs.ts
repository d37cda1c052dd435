/**
 * What jobs cost: how many are accepted a second, how soon they begin, and what 10,000 that wait take of the gateway's
 * memory; on the embedded database, and on an external one where `TEST_DATABASE_URL` names a server.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseUrl, runOn } from '../../support/test-database.ts';
import type { BenchReport } from '../report.ts';
import { countArgument } from './count-argument.ts';
import { AUTHORIZATION, createGatewayFolder } from './gateway-folder.ts';
import { memoryOf } from './process-memory.ts';
import { startServer } from './server-process.ts';
import { submitJob } from './submit-job.ts';

const DEFAULT_QUEUED = 10_000;
/** Requests that are sent at a time. */
const SENDERS = 8;
/** Jobs whose way from the request to the start is measured, one after the other. */
const LATENCIES = 100;

interface Figures {
  acceptedPerSecond: number;
  startP50Ms: number;
  startP95Ms: number;
  idleMib: number;
  queuedMib: number;
}

/** `args`: how many jobs wait in the end. */
export async function run(args: readonly string[] = []): Promise<BenchReport> {
  const queued = countArgument(args, 'the number of jobs', DEFAULT_QUEUED);
  const places: Record<string, string | undefined> = { embedded: undefined };
  const server = process.env.TEST_DATABASE_URL;
  if (server !== undefined && server !== '') places.external = server;
  else
    console.error(
      'NOT MEASURED: an external PostgreSQL; TEST_DATABASE_URL can name one whose user may make databases.',
    );
  const figures: Record<string, Figures> = {};
  for (const [place, url] of Object.entries(places)) figures[place] = await measure(url, queued);
  const rows = Object.entries(figures).map(([place, made]) => [
    place,
    made.acceptedPerSecond.toFixed(0),
    made.startP50Ms.toFixed(0),
    made.startP95Ms.toFixed(0),
    made.idleMib.toFixed(0),
    made.queuedMib.toFixed(0),
  ]);
  return {
    name: 'jobs',
    pass: true,
    figures: {
      'jobs queued': queued,
      'jobs accepted a second, embedded': Math.round(figures.embedded?.acceptedPerSecond ?? 0),
    },
    table: [['database', 'accepted/s', 'start p50 ms', 'start p95 ms', 'idle MiB', `${queued} queued MiB`], ...rows],
  };
}

async function measure(serverUrl: string | undefined, queued: number): Promise<Figures> {
  const name = `bench_${randomBytes(6).toString('hex')}`;
  if (serverUrl !== undefined) await runOn(serverUrl, `create database ${name}`);
  try {
    return await measureOn(serverUrl === undefined ? '' : databaseUrl(serverUrl, name), queued);
  } finally {
    if (serverUrl !== undefined) await runOn(serverUrl, `drop database ${name} with (force)`);
  }
}

async function measureOn(database: string, queued: number): Promise<Figures> {
  await using folder = await createGatewayFolder();
  const env = { ...folder.env, DATABASE_URL: database, JOB_CONCURRENCY: '2' };
  await using gateway = await startServer('./gateway-server.ts', { env });
  const { url, pid } = gateway;
  await finished(url, await submitJob(url, 'say:warm'));
  const idleMib = memoryOf(pid).resident;
  const latencies: number[] = [];
  for (let i = 0; i < LATENCIES; i += 1) latencies.push(await startLatency(url));
  latencies.sort((a, b) => a - b);
  const at = (part: number) => latencies[Math.floor(part * (latencies.length - 1))] ?? Number.NaN;

  // Two that never end keep the others waiting.
  const holders = [await submitJob(url, 'windows:1000000:100'), await submitJob(url, 'windows:1000001:100')];
  let left = queued;
  const start = performance.now();
  const sender = async () => {
    while (left > 0) {
      left -= 1;
      await submitJob(url, `say:${left}`);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
  const seconds = (performance.now() - start) / 1000;
  await sleep(5000);
  const queuedMib = memoryOf(pid).resident;
  for (const id of holders) await post(`${url}/v1/jobs/${id}/cancel`);
  return { acceptedPerSecond: queued / seconds, startP50Ms: at(0.5), startP95Ms: at(0.95), idleMib, queuedMib };
}

/** Milliseconds from sending the request to the start of the work, by the gateway's own events. */
async function startLatency(url: string): Promise<number> {
  const sent = performance.now();
  const id = await submitJob(url, 'sleep:0');
  const response = await fetch(`${url}/v1/jobs/${id}/events`, { headers: { authorization: AUTHORIZATION } });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
    text += value ?? '';
    if (text.includes('"running"')) break;
    if (done) throw new Error(`the job never ran: ${text}`);
  }
  const latency = performance.now() - sent;
  await reader?.cancel();
  await finished(url, id);
  return latency;
}

async function post(url: string): Promise<void> {
  await fetch(url, { method: 'POST', headers: { authorization: AUTHORIZATION } });
}

async function finished(url: string, id: string): Promise<void> {
  const response = await fetch(`${url}/v1/jobs/${id}/events`, { headers: { authorization: AUTHORIZATION } });
  await response.text();
}
