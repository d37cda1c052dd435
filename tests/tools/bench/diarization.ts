/**
 * Speaker diarization against sherpa-onnx: the same segmentation graph, one ResNet34 of WeSpeaker's shape with random
 * weights, the same samples, equal threads, each in its own process, rounds alternating. From PCM in memory to turns of a
 * number of speakers that is told: random weights tell nobody apart. Accuracy of `mode=fast` is measured apart.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { findSherpaOnnx, HOW_TO_INSTALL_SHERPA, type InstalledSherpaOnnx } from '../../rivals/sherpa-onnx.ts';
import { hasShared } from '../../support/shared.ts';
import { UsageError } from '../command-line.ts';
import type { BenchReport } from '../report.ts';
import { bytesOf, conversationOf, readVoices, telephoneCall } from './diarization-audio.ts';
import { measureLengths } from './diarization-length.ts';
import { writeDiarizationGraphs } from './diarization-model.ts';
import type { DiarizationReply, DiarizationRequest, DiarizationTask } from './diarization-protocol.ts';
import { measureQuality } from './diarization-quality.ts';
import { type ForkedChild, startChild } from './forked-child.ts';
import { median } from './median.ts';

const CONTENDERS = ['exact', 'fast', 'sherpa-onnx'] as const;
type Contender = (typeof CONTENDERS)[number];
/** Throughput relative to sherpa-onnx below which the benchmark fails. */
const GOALS = { exact: 1, fast: 2 };
/** DER, in points of a hundred, by which `mode=fast` may be worse. */
const MAX_LOSS = 1;
const DEFAULT_ROUNDS = 3;
const THREADS = 1;
/** Of the readers; the telephone call comes behind them. */
const SECONDS = 150;
/** Long enough that every graph has run. */
const WARM_UP_SECONDS = 15;

/** `args`: rounds, or `length` and what `measureLengths` takes. */
export async function run(args: readonly string[] = []): Promise<BenchReport> {
  const [first, ...rest] = args;
  const report: BenchReport = { name: 'diarization', pass: true, figures: {}, table: [] };
  if (!hasShared) {
    console.error('NOT MEASURED: the benchmark needs the graphs and recordings at ../shared, which is not here.');
    report.figures.measured = 'NOTHING: ../shared is not here';
    return report;
  }
  if (first === 'length') return measureLengths(rest);
  if (rest.length > 0 || (first !== undefined && !/^[1-9]\d*$/.test(first))) {
    throw new UsageError(`Arguments: [ROUNDS] or length [MODE ...] [HOURS ...]; not '${args.join(' ')}'`);
  }
  const sherpa = findSherpaOnnx();
  if (sherpa === undefined) {
    console.error(
      `NOT COMPARED: ${HOW_TO_INSTALL_SHERPA}\nWhat follows are our figures alone; no throughput is judged.`,
    );
  }
  report.figures = {
    rounds: Number(first ?? DEFAULT_ROUNDS),
    threads: THREADS,
    'sherpa-onnx': sherpa?.version ?? 'ABSENT: nothing was compared, no throughput was judged',
    'load average at the start': round(loadavg()[0] ?? Number.NaN, 2),
  };
  const folder = await mkdtemp(join(tmpdir(), 'audio-gateway-bench-'));
  try {
    const graphs = await writeDiarizationGraphs(folder);
    await addThroughput(report, { folder, graphs, sherpa, rounds: Number(first ?? DEFAULT_ROUNDS) });
    await addQuality(report, folder, graphs.segmentation);
    report.figures['load average at the end'] = round(loadavg()[0] ?? Number.NaN, 2);
    return report;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Setting {
  folder: string;
  graphs: { segmentation: string; embedding: string };
  sherpa: InstalledSherpaOnnx | undefined;
  rounds: number;
}

async function addThroughput(report: BenchReport, setting: Setting): Promise<void> {
  const { request, seconds } = await writeConversation(setting.folder, SECONDS);
  const warmUp = await writeConversation(setting.folder, WARM_UP_SECONDS);
  const replies = await measure(setting, request, warmUp.request);
  const { figures, table } = report;
  figures['conversation, seconds'] = round(seconds, 1);
  const stages = ['segmentation', 'embedding', 'clustering'] as const;
  table.push(['contender', 's', 'RTFx', 'peak MB', 'processor s', ...stages]);
  for (const [name, own] of replies) {
    const total = median(own.map(totalTime)) / 1000;
    const stage = (of: string) => {
      const taken = median(own.map(({ stages }) => stages?.[of] ?? Number.NaN)) / 1000;
      return Number.isNaN(taken) ? '' : taken.toFixed(1);
    };
    table.push([
      name,
      total.toFixed(1),
      (seconds / total).toFixed(2),
      (Math.max(...own.map(({ peakBytes }) => peakBytes)) / 1e6).toFixed(0),
      (median(own.map(processorTime)) / 1000).toFixed(1),
      ...stages.map(stage),
    ]);
    const embedding = median(own.map(({ stages }) => stages?.embedding ?? Number.NaN)) / 1000;
    if (!Number.isNaN(embedding)) {
      figures[`${name}: processor seconds of embedding per hour of audio`] = round((3600 * embedding) / seconds, 0);
    }
  }
  const rival = replies.get('sherpa-onnx');
  if (rival === undefined) return;
  for (const name of ['exact', 'fast'] as const) {
    const own = replies.get(name) ?? [];
    const ratio = ratioOf(own, rival, totalTime);
    figures[`throughput of ${name} relative to sherpa-onnx (goal ${GOALS[name]})`] = ratio;
    figures[`sherpa-onnx' processor time relative to that of ${name}`] = ratioOf(own, rival, processorTime);
    if (!(ratio >= GOALS[name])) report.pass = false;
  }
}

async function writeConversation(
  folder: string,
  seconds: number,
): Promise<{ request: DiarizationRequest; seconds: number }> {
  const parts = [conversationOf(await readVoices(), seconds), await telephoneCall()];
  const audio = join(folder, `conversation-${seconds}.s16`);
  await writeFile(audio, Buffer.concat(parts.flatMap(({ blocks }) => [...bytesOf(blocks())])));
  const speakers = new Set(parts.flatMap(({ reference }) => reference.map(({ speaker }) => speaker))).size;
  return { request: { audio, speakers }, seconds: parts.reduce((sum, part) => sum + part.seconds, 0) };
}

async function measure(
  { graphs, sherpa, rounds }: Setting,
  request: DiarizationRequest,
  warmUp: DiarizationRequest,
): Promise<Map<Contender, DiarizationReply[]>> {
  const children = new Map<Contender, ForkedChild<DiarizationRequest, DiarizationReply>>();
  const start = async (name: Contender) => {
    const task: DiarizationTask = { ...graphs, threads: THREADS, mode: name === 'fast' ? 'fast' : 'exact' };
    const env = name === 'sherpa-onnx' ? { LD_LIBRARY_PATH: sherpa?.libraries ?? '' } : {};
    const script = name === 'sherpa-onnx' ? 'diarization-sherpa.ts' : 'diarization-ours.ts';
    children.set(name, await startChild(script, [JSON.stringify(task)], env));
  };
  const replies = new Map<Contender, DiarizationReply[]>();
  try {
    for (const name of CONTENDERS) {
      if (name === 'sherpa-onnx' && sherpa === undefined) continue;
      await start(name);
      replies.set(name, []);
    }
    for (const child of children.values()) await child.ask(warmUp);
    for (let index = 0; index < rounds; index += 1) {
      const order = index % 2 === 0 ? [...children] : [...children].toReversed();
      for (const [name, child] of order) {
        const reply = await child.ask(request);
        replies.get(name)?.push(reply);
        const processor = `processor ${(processorTime(reply) / 1000).toFixed(1)} s`;
        const wall = `${(totalTime(reply) / 1000).toFixed(1)} s`;
        console.error(`round ${index + 1} of ${rounds}, ${name}: ${wall}, ${processor}, ${reply.turns} turns`);
      }
    }
    return replies;
  } finally {
    for (const child of children.values()) child.end();
  }
}

/** Stand-in embedding; no collar, overlapping speech counted. */
async function addQuality(report: BenchReport, folder: string, segmentation: string): Promise<void> {
  for (const { name, speakers, heard, der, confusion } of await measureQuality(folder, segmentation)) {
    const percent = ({ exact, fast }: typeof der) => `${(100 * exact).toFixed(2)} %, ${(100 * fast).toFixed(2)} %`;
    report.figures[`DER, ${name}: exact, fast`] = percent(der);
    report.figures[`confusion in it, ${name}: exact, fast`] = percent(confusion);
    report.figures[`${name}: speakers found of ${speakers}`] = `${heard.exact}, ${heard.fast}`;
    if (!(100 * (der.fast - der.exact) <= MAX_LOSS)) report.pass = false;
  }
}

function totalTime({ milliseconds }: DiarizationReply): number {
  return milliseconds;
}

function processorTime({ cpuMilliseconds }: DiarizationReply): number {
  return cpuMilliseconds;
}

/** How often `ours` fits into `theirs`: median over the rounds. */
function ratioOf(
  ours: readonly DiarizationReply[],
  theirs: readonly DiarizationReply[],
  time: (reply: DiarizationReply) => number,
): number {
  const ratios = ours.flatMap((reply, index) => {
    const other = theirs[index];
    return other === undefined ? [] : [time(other) / time(reply)];
  });
  return round(median(ratios), 3);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
