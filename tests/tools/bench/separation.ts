/**
 * Music separation by a HTDemucs of the published size with random weights, on a clip of 30 s and two threads: the whole
 * pipeline, from the caller's file to files, against a plain loop over the same graph in memory and, where Python has it,
 * against demucs itself. With `length`: memory as tracks get longer, with the small model.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ALLOCATOR } from '../../../backend/src/worker/worker-process.ts';
import { demucsGraph } from '../../support/demucs.ts';
import { UsageError } from '../command-line.ts';
import type { BenchReport } from '../report.ts';
import { countArgument } from './count-argument.ts';
import { startChild } from './forked-child.ts';
import { median } from './median.ts';
import type { SeparationReply, SeparationRequest } from './separation-protocol.ts';

const start = promisify(execFile);
const startSeparation = startChild<SeparationRequest, SeparationReply>;
/** With the allocator's settings of a worker. */
const startOurs = (graph: string, folder: string) =>
  startSeparation('separation-ours.ts', [graph, join(folder, 'derived')], ALLOCATOR);

const CLIP_SECONDS = 30;
const DEFAULT_ROUNDS = 3;
const DEFAULT_MINUTES = [1, 10, 60];
/** Throughput relative to the other below which the benchmark fails. */
const GOALS = { demucs: 1, plain: 1.2 };
/** Of the peaks: the largest relative to the smallest. */
const MAX_GROWTH = 1.1;
const FULL_SIZE = fileURLToPath(new URL('../../fixtures/demucs/full_size.py', import.meta.url));
const HOW = 'DEMUCS_PYTHON names a Python that has demucs 4.0.1 and onnx: see tests/fixtures/demucs/README.md';

/** `args`: rounds, or `length` and minutes. */
export async function run(args: readonly string[] = []): Promise<BenchReport> {
  const folder = await mkdtemp(join(tmpdir(), 'audio-gateway-bench-'));
  try {
    if (args[0] === 'length') return await measureLengths(folder, minutesOf(args.slice(1)));
    return await measureSpeed(folder, countArgument(args, 'how many rounds', DEFAULT_ROUNDS));
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

type Contender = 'ours' | 'plain' | 'demucs';

async function measureSpeed(folder: string, rounds: number): Promise<BenchReport> {
  const python = process.env.DEMUCS_PYTHON;
  if (python === undefined) throw new UsageError(`There is no graph of the full size to measure. ${HOW}`);
  const load = () => Number(loadavg()[0]?.toFixed(2));
  const report: BenchReport = {
    name: 'separation',
    pass: true,
    figures: { rounds, 'load average at the start': load() },
    table: [['contender', 's', 'processor s', 'RTF', 'peak MiB']],
  };
  await start(python, [FULL_SIZE, 'export', folder]);
  const graph = join(folder, 'htdemucs.onnx');
  const request = await writeTrack(folder, CLIP_SECONDS);
  const loads = [];
  for (const which of ['first', 'second']) {
    const begun = performance.now();
    const child = await startOurs(graph, folder);
    loads.push([which, (performance.now() - begun) / 1000] as const);
    child.end();
  }
  for (const [which, seconds] of loads) report.figures[`${which} load, process and all, s`] = round(seconds);
  const ours = await startOurs(graph, folder);
  const plain = await startSeparation('separation-plain.ts', [graph]);
  const contenders: [Contender, () => Promise<SeparationReply>][] = [
    ['ours', () => ours.ask(request)],
    ['plain', () => plain.ask(request)],
    [
      'demucs',
      async () => JSON.parse((await start(python, [FULL_SIZE, 'separate', request.pcm])).stdout) as SeparationReply,
    ],
  ];
  const replies = new Map<Contender, SeparationReply[]>(contenders.map(([name]) => [name, []]));
  try {
    for (let index = 0; index < rounds; index += 1) {
      for (const [name, ask] of index % 2 === 0 ? contenders : contenders.toReversed()) {
        const reply = await ask();
        replies.get(name)?.push(reply);
        console.error(`round ${index + 1} of ${rounds}, ${name}: ${rowOf(name, [reply]).join('  ')}`);
      }
    }
  } finally {
    ours.end();
    plain.end();
  }
  for (const [name, own] of replies) report.table.push(rowOf(name, own));
  for (const [name, goal] of Object.entries(GOALS)) {
    const ratio = (of: keyof SeparationReply) =>
      round(
        median(
          (replies.get(name as Contender) ?? []).map((reply, i) => reply[of] / (replies.get('ours')?.[i]?.[of] ?? 0)),
        ),
      );
    report.figures[`throughput relative to ${name} (goal ${goal})`] = ratio('milliseconds');
    report.figures[`the same by processor time, ${name}`] = ratio('cpuMilliseconds');
    if (!(ratio('milliseconds') >= goal)) report.pass = false;
  }
  report.figures['load average at the end'] = load();
  return report;
}

/** A process for each length, so that none finds the memory of another. */
async function measureLengths(folder: string, minutes: readonly number[]): Promise<BenchReport> {
  const report: BenchReport = {
    name: 'separation length',
    pass: true,
    figures: {},
    table: [['minutes', 's', 'processor s', 'RTF', 'peak MiB']],
  };
  const graph = join(folder, 'small.onnx');
  await writeFile(graph, await demucsGraph('outside'));
  const peaks: number[] = [];
  for (const length of minutes) {
    const request = await writeTrack(folder, 60 * length);
    const child = await startOurs(graph, folder);
    try {
      const reply = await child.ask(request);
      const row = rowOf(`${length}`, [reply], 60 * length);
      console.error(row.join('  '));
      report.table.push(row);
      peaks.push(reply.peakBytes);
    } finally {
      child.end();
      await rm(request.folder, { recursive: true, force: true });
    }
  }
  const growth = Math.max(...peaks) / Math.min(...peaks);
  report.figures[`largest peak relative to the smallest (goal ${MAX_GROWTH})`] = round(growth);
  report.pass = growth <= MAX_GROWTH;
  return report;
}

function minutesOf(args: readonly string[]): number[] {
  const minutes = args.map(Number);
  if (minutes.some((value) => !(value > 0)))
    throw new UsageError(`Arguments: length [MINUTES ...]; not '${args.join(' ')}'`);
  return minutes.length > 0 ? minutes : DEFAULT_MINUTES;
}

/** Seeded noise in stereo, as a flac and decoded. */
async function writeTrack(folder: string, seconds: number): Promise<SeparationRequest> {
  const request = { audio: join(folder, 'track.flac'), pcm: join(folder, 'track.f32'), folder: join(folder, 'stems') };
  await mkdir(request.folder, { recursive: true });
  const noise = (seed: number) =>
    `anoisesrc=duration=${seconds}:color=pink:amplitude=0.3:seed=${seed}:sample_rate=44100`;
  const stereo = `${noise(1)}[l];${noise(2)}[r];[l][r]amerge=inputs=2`;
  const ffmpeg = (...args: string[]) => start('ffmpeg', ['-v', 'error', '-y', ...args]);
  await ffmpeg('-f', 'lavfi', '-i', stereo, '-ac', '2', request.audio);
  if (seconds <= CLIP_SECONDS) await ffmpeg('-i', request.audio, '-f', 'f32le', request.pcm);
  return request;
}

function rowOf(name: string, replies: readonly SeparationReply[], seconds = CLIP_SECONDS): string[] {
  const of = (field: keyof SeparationReply) => median(replies.map((reply) => reply[field]));
  return [
    name,
    (of('milliseconds') / 1000).toFixed(1),
    (of('cpuMilliseconds') / 1000).toFixed(1),
    (of('milliseconds') / 1000 / seconds).toFixed(3),
    (of('peakBytes') / 2 ** 20).toFixed(0),
  ];
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
