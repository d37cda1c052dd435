/** `npm run test:gpu`: what only a machine with an NVIDIA GPU can show. No part of the test suite; see README.md. */
import { type GpuReading, NvidiaSmi, NvidiaSmiError } from '../../backend/src/gpu/nvidia-smi.ts';
import { numberOption, parseCommandLine, runTool, UsageError } from '../tools/command-line.ts';
import { type BenchReport, printReport } from '../tools/report.ts';
import {
  type Check,
  checkFigures,
  checkLibraries,
  checkMemcpy,
  checkSessions,
  checkWorker,
  type GpuUnderTest,
} from './gpu-checks.ts';
import { GpuMemory } from './gpu-memory.ts';

const USAGE = `Usage: npm run test:gpu -- [--gpu INDEX] [--json]

  --gpu INDEX  which one, as nvidia-smi numbers them; default 0. Nothing else may use it meanwhile
  --json       a last line with {"name", "pass", "figures"}

NVIDIA_SMI names the program where it is not in PATH; LD_LIBRARY_PATH must show CUDA and cuDNN (tests/gpu/README.md).
Exit status: 0 when every check is met, and where there is no GPU (then nothing is checked); 1 when not; 2 for wrong usage.`;

const NAMES = ['PATH', 'HOME', 'LD_LIBRARY_PATH', 'TMPDIR'];
const TIMEOUT_MS = 20_000;

await runTool(async (args) => {
  const options = parseCommandLine(args, { gpu: { type: 'string' }, json: { type: 'boolean', default: false } }, USAGE);
  const index = numberOption('gpu', options.gpu, { min: 0, fallback: 0, integer: true });
  const environment = Object.fromEntries(
    NAMES.flatMap((name) => [[name, process.env[name] ?? '']]).filter(([, value]) => value !== ''),
  );
  const smi = new NvidiaSmi({ program: process.env.NVIDIA_SMI ?? 'nvidia-smi', environment, timeoutMs: TIMEOUT_MS });
  const reading = await readUnlessAbsent(smi);
  if (typeof reading === 'string') {
    printReport(nothingChecked(reading), options);
    return true;
  }
  const gpu = reading.gpus.find((each) => each.index === index);
  if (gpu === undefined) throw new UsageError(`There is no GPU ${index}: ${reading.gpus.length} answer.`);
  const report = await checkAll({
    gpu,
    reading,
    memory: new GpuMemory(smi, gpu),
    environment: { ...environment, CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: gpu.uuid },
  });
  printReport(report, options);
  return report.pass;
});

/** The reason where there is no GPU. */
async function readUnlessAbsent(smi: NvidiaSmi): Promise<GpuReading | string> {
  try {
    return await smi.read(new AbortController().signal);
  } catch (error) {
    if (error instanceof NvidiaSmiError && error.kind === 'absent') return error.message;
    throw error;
  }
}

function nothingChecked(reason: string): BenchReport {
  const line = '='.repeat(72);
  process.stderr.write(`${line}\nNOTHING CHECKED: there is no NVIDIA GPU here.\n${reason}\n${line}\n`);
  return { name: 'gpu, NOTHING CHECKED', pass: true, figures: { checked: 'nothing' }, table: [] };
}

async function checkAll(card: GpuUnderTest): Promise<BenchReport> {
  const groups: Record<string, () => Check[] | Promise<Check[]>> = {
    'figures of nvidia-smi': () => checkFigures(card),
    'provider libraries': checkLibraries,
    sessions: () => checkSessions(card),
    "Whisper's loop": () => checkMemcpy(card),
    worker: () => checkWorker(card),
  };
  const checks: Check[] = [];
  for (const [name, check] of Object.entries(groups)) {
    try {
      checks.push(...(await check()));
    } catch (error) {
      checks.push({ name, ok: false, seen: error instanceof Error ? error.message : String(error) });
    }
  }
  const verdict = (ok: boolean | undefined) => (ok === undefined ? 'NOT CHECKED' : ok ? 'ok' : 'FAILED');
  return {
    name: 'gpu',
    pass: checks.every(({ ok }) => ok !== false),
    figures: Object.fromEntries(
      [true, false, undefined].map((ok) => [verdict(ok), checks.filter((check) => check.ok === ok).length]),
    ),
    table: [
      ['check', '', 'seen'],
      ...checks.map(({ name, ok, seen }) => [name, verdict(ok), seen.replaceAll('\n', ' ')]),
    ],
  };
}
