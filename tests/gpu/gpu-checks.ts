/** What is checked on a real card: each check one row of the report, in the order in which they run. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Gpu } from '../../backend/src/contract/gpus.ts';
import type { GpuReading } from '../../backend/src/gpu/nvidia-smi.ts';
import type { Logger } from '../../backend/src/logger.ts';
import { DEFAULT_MODEL_LIST } from '../../backend/src/models/load-model-list.ts';
import { WorkerProcess } from '../../backend/src/worker/worker-process.ts';
import { hasShared, shared } from '../support/shared.ts';
import { LONG_MODEL, LONG_VAD, writeLongModel } from '../tools/bench/long-model.ts';
import type { GpuMemory } from './gpu-memory.ts';
import { findProviderLibraries } from './provider-libraries.ts';
import { startGpuChild } from './start-gpu-child.ts';

export interface Check {
  name: string;
  /** undefined: not checked. */
  ok: boolean | undefined;
  seen: string;
}

export interface GpuUnderTest {
  gpu: Gpu;
  reading: GpuReading;
  memory: GpuMemory;
  /** Shows programs this GPU alone, as number 0. */
  environment: Record<string, string>;
}

const PARITY = fileURLToPath(new URL('../tools/parity/main.ts', import.meta.url));
/** A CUDA context alone takes some hundred MiB; the child asks for 256 more. */
const LEAST_LOADED_MIB = 256;

/** nvidia-smi, as the monitor reads it. */
export function checkFigures({ gpu, reading }: GpuUnderTest): Check[] {
  const { memory_total_bytes: total, memory_used_bytes: used, memory_free_bytes: free } = gpu;
  const sound = total !== null && used !== null && free !== null && used >= 0 && used + free <= total;
  // The reason is that of a GPU which does not answer.
  const empty = Object.entries(gpu).flatMap(([name, value]) => (value === null && name !== 'reason' ? [name] : []));
  const said = `${gpu.name}, ${gpu.compute_capability}, driver ${reading.driverVersion}, ${(total ?? 0) / 2 ** 20} MiB`;
  return [
    { name: 'nvidia-smi: memory adds up', ok: sound, seen: said },
    {
      name: 'nvidia-smi: every line understood',
      ok: reading.warnings.length === 0,
      seen: reading.warnings.join(' | '),
    },
    // `mig_enabled` and ECC are not there on every card.
    {
      name: 'nvidia-smi: processes are listed',
      ok: gpu.processes !== null,
      seen: `not told: ${empty.join(', ') || '-'}`,
    },
  ];
}

export async function checkLibraries(): Promise<Check[]> {
  const { version, problems } = await findProviderLibraries();
  const seen = problems.join('; ') || `onnxruntime-node ${version}`;
  return [{ name: 'provider libraries are complete', ok: problems.length === 0, seen }];
}

/** Sessions on the card, too much memory, and the memory back after an exit and after kill -9. */
export async function checkSessions({ gpu, memory, environment }: GpuUnderTest): Promise<Check[]> {
  const checks: Check[] = [];
  const before = await memory.used();
  const tooMany = Math.ceil((2 * (gpu.memory_total_bytes ?? 0)) / 4);
  for (const how of ['exit', 'kill'] as const) {
    const child = await startGpuChild(environment, how === 'exit' ? tooMany : 0);
    const { multiplied, convolved, expanded, tooMuch } = child.reply;
    const loaded = (await memory.used()) - before;
    await child.end(how);
    checks.push(
      { name: 'MatMul, Conv, Expand are right', ok: multiplied && convolved && expanded, seen: '' },
      { name: 'they ran on the card', ok: loaded >= LEAST_LOADED_MIB, seen: `+${loaded} MiB` },
    );
    if (tooMuch !== undefined) {
      checks.push({ name: 'out of memory is recognised', ok: tooMuch.isRecognised, seen: tooMuch.message });
    }
    checks.push(await checkResidue(memory, before, how === 'kill' ? 'kill -9' : 'exit'));
  }
  return checks;
}

/** The copies that ONNX Runtime puts into Whisper's loop, in a process of its own. */
export async function checkMemcpy({ environment }: GpuUnderTest): Promise<Check[]> {
  const run = promisify(execFile)(process.execPath, [PARITY, 'whisper-memcpy', '--json'], { env: environment });
  const { stdout } = await run.catch((error: { stdout?: string; message: string }) => ({
    stdout: error.stdout ?? error.message,
  }));
  const last = stdout.trim().split('\n').at(-1) ?? '';
  const report = last.startsWith('{') ? JSON.parse(last) : undefined;
  return [{ name: "no copies in Whisper's loop", ok: report?.figures.copiesInLoop === 0, seen: last }];
}

/** Whisper of the tiny shape, random weights, through a worker as the gateway starts it. */
export async function checkWorker({ memory, environment }: GpuUnderTest): Promise<Check[]> {
  const name = 'Whisper through a worker';
  if (!hasShared) return [{ name, ok: undefined, seen: 'needs the recordings and the detector at ../shared' }];
  const folder = await mkdtemp(join(tmpdir(), 'audio-gateway-gpu-'));
  try {
    await writeLongModel(folder, 'tiny');
    const checks: Check[] = [];
    for (const how of ['exit', 'kill'] as const) {
      const before = await memory.used();
      checks.push({ name, ...(await runWorker(folder, environment, how, async () => (await memory.used()) - before)) });
      checks.push(await checkResidue(memory, before, how === 'kill' ? "the worker's kill -9" : "the worker's exit"));
    }
    return checks;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runWorker(
  folder: string,
  environment: Record<string, string>,
  how: 'exit' | 'kill',
  grown: () => Promise<number>,
): Promise<Omit<Check, 'name'>> {
  const startedAt = performance.now();
  const worker = startWorker(folder, environment);
  try {
    await worker.ready;
    const loaded = `loaded in ${seconds(startedAt)} s, +${await grown()} MiB`;
    // The first one warms up.
    await transcribe(worker);
    const runAt = performance.now();
    const text = await transcribe(worker);
    const seen = `${loaded}; 11 s of audio in ${seconds(runAt)} s, +${await grown()} MiB`;
    if (how === 'exit') await worker.stop(5000);
    return { ok: text.length > 0, seen };
  } finally {
    worker.kill();
    await worker.exited;
  }
}

async function checkResidue(memory: GpuMemory, before: number, after: string): Promise<Check> {
  const { mebibytes, seconds: elapsed } = await memory.residue(before);
  const seen = `${before} MiB before, ${mebibytes >= 0 ? '+' : ''}${mebibytes} MiB after ${elapsed.toFixed(1)} s`;
  return { name: `memory is back after ${after}`, ok: mebibytes === 0, seen };
}

function startWorker(model: string, environment: Record<string, string>): WorkerProcess {
  return new WorkerProcess({
    hungAfterMs: 600_000,
    loadTimeoutMs: 600_000,
    load: {
      maxBatch: undefined,
      modelListUrl: DEFAULT_MODEL_LIST,
      modelId: LONG_MODEL,
      dtype: 'fp32',
      snapshotDir: model,
      auxiliaryDirs: { vad: shared(LONG_VAD) },
      derivedDir: join(model, 'derived'),
      device: 'cuda:0',
      threads: 2,
      ffmpegPath: 'ffmpeg',
      ffprobePath: 'ffprobe',
    },
    environment,
    log: SILENT,
  });
}

async function transcribe(worker: WorkerProcess): Promise<string> {
  const { result } = worker.run({
    input: {
      audioPath: shared('audio/speech/jfk.wav'),
      limits: { maxSeconds: 60, maxDecodedBytes: 2 ** 24 },
    },
    params: { temperature: 0.5, language: 'en', words: false },
    onEvent: () => {},
  });
  const answer = await result;
  return 'text' in answer ? answer.text : '';
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(2);
}

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT };
