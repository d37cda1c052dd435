/** What a large upload costs the gateway in memory: it must pass through, to the disk, whatever its size. */
import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { BenchReport } from '../report.ts';
import { countArgument } from './count-argument.ts';
import { AUTHORIZATION, createGatewayFolder } from './gateway-folder.ts';
import { memoryOf, resetPeak } from './process-memory.ts';
import { startServer } from './server-process.ts';
import { FORM_TAIL, FORM_TYPE, formHead } from './speech-form.ts';

/** Goal: peak minus before, in MiB. */
const MAX_GROWTH_MIB = 64;
const DEFAULT_MIB = 1024;
const CHUNK_BYTES = 256 * 1024;
const SAMPLE_MS = 50;

/** `args`: size of the upload in MiB. Needs as much free disk in the folder for temporary files. */
export async function run(args: readonly string[] = []): Promise<BenchReport> {
  const mebibytes = countArgument(args, 'the size of the upload in MiB', DEFAULT_MIB);
  await using folder = await createGatewayFolder();
  const env = { ...folder.env, MAX_FILE_SIZE_MB: String(mebibytes + 1) };
  await using gateway = await startServer('./gateway-server.ts', { env });
  // A small one first: the model is loaded and the code compiled.
  await upload(gateway.url, 1);
  await upload(gateway.url, 8);

  const before = memoryOf(gateway.pid).resident;
  resetPeak(gateway.pid);
  const samples: number[] = [];
  const sampler = setInterval(() => samples.push(memoryOf(gateway.pid).resident), SAMPLE_MS);
  const startedAt = performance.now();
  await upload(gateway.url, mebibytes);
  const seconds = (performance.now() - startedAt) / 1000;
  clearInterval(sampler);
  // The kernel's own high-water mark; samples stand in where it cannot be reset.
  const peak = Math.max(memoryOf(gateway.pid).peak ?? 0, ...samples);
  const growth = peak - before;

  return {
    name: 'upload',
    pass: growth < MAX_GROWTH_MIB,
    figures: {
      'RSS growth MiB': round(growth),
      'RSS before MiB': round(before),
      'RSS peak MiB': round(peak),
      'RSS after MiB': round(memoryOf(gateway.pid).resident),
      'MB/s': Math.round((mebibytes * 2 ** 20) / 1e6 / seconds),
    },
    table: [
      ['upload', 'MiB', 'seconds', 'growth MiB', 'goal MiB'],
      ['one file', String(mebibytes), seconds.toFixed(1), growth.toFixed(1), `< ${MAX_GROWTH_MIB}`],
    ],
  };
}

/** Sends a file of zeros at the pace the gateway takes it. @throws unless the answer is 200. */
async function upload(url: string, mebibytes: number): Promise<void> {
  const bytes = mebibytes * 2 ** 20;
  const head = formHead({ model: 'fake/echo' });
  const sent = request(`${url}/v1/audio/transcriptions`, {
    method: 'POST',
    agent: false,
    headers: {
      authorization: AUTHORIZATION,
      'content-type': FORM_TYPE,
      'content-length': head.length + bytes + FORM_TAIL.length,
    },
  });
  const answered = once(sent, 'response');
  answered.catch(() => {});
  sent.write(head);
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let left = bytes; left > 0; left -= chunk.length) {
    if (!sent.write(chunk.subarray(0, left))) await Promise.race([once(sent, 'drain'), answered]);
  }
  sent.end(FORM_TAIL);
  const [response] = await answered;
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}: ${body}`);
}

function round(value: number): number {
  return Number(value.toFixed(1));
}
