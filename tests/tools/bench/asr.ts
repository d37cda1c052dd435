/**
 * Speech recognition against sherpa-onnx: same weights, same files, one thread each, each in its own process, rounds
 * alternating so that whatever else the machine does hits both. PCM → words, without voice activity detection.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Clip, manifest, normalizedWords, readWav, SPEECH, wordErrors } from '../../models/transducer/support.ts';
import type { BenchReport } from '../report.ts';
import { measureParts } from './asr-parts.ts';
import type { RoundReply, RoundRequest } from './asr-protocol.ts';
import { type ForkedChild, startChild } from './forked-child.ts';
import { median } from './median.ts';

/** Throughput relative to sherpa-onnx below which the benchmark fails. */
const REQUIRED_RATIO = 0.8;
const DEFAULT_ROUNDS = 9;

/** `args`: the number of rounds. */
export async function run(args: readonly string[] = []): Promise<BenchReport> {
  const rounds = Number(args[0] ?? DEFAULT_ROUNDS);
  const clips = manifest();
  const files = clips.map(({ audio }) => join(SPEECH, audio));
  const seconds = files.reduce((sum, file) => sum + readWav(file).length / 16_000, 0);
  const folder = await mkdtemp(join(tmpdir(), 'audio-gateway-bench-'));
  try {
    const compared = await compare(files, rounds, folder);
    const parts = await measureParts(join(SPEECH, 'jfk.wav'), join(SPEECH, 'jfk.mp3'), folder);
    const ours = median(compared.ours.totals);
    const sherpa = median(compared.sherpa.totals);
    const ratio = median(compared.ours.totals.map((total, i) => (compared.sherpa.totals[i] ?? Number.NaN) / total));
    return {
      name: 'asr',
      pass: ratio >= REQUIRED_RATIO,
      figures: {
        'throughput relative to sherpa-onnx': round(ratio, 3),
        'processor time relative to sherpa-onnx': round(median(compared.ours.cpu) / median(compared.sherpa.cpu), 3),
        'RTFx, ours': round((1000 * seconds) / ours, 1),
        'RTFx, sherpa-onnx': round((1000 * seconds) / sherpa, 1),
        'WER without VAD, ours (upper case, no punctuation)': round(wordErrorRate(clips, compared.ours.texts), 4),
        'WER without VAD, sherpa-onnx': round(wordErrorRate(clips, compared.sherpa.texts), 4),
        rounds,
      },
      table: [
        ['part', 'ms', 'graph runs'],
        [`${files.length} clips, ${round(seconds, 1)} s: ours`, ours.toFixed(1), ''],
        [`${files.length} clips, ${round(seconds, 1)} s: sherpa-onnx`, sherpa.toFixed(1), ''],
        ...parts.map(({ name, milliseconds, runs }) => [
          `jfk, 11 s: ${name}`,
          milliseconds.toFixed(1),
          runs?.toFixed(0) ?? '',
        ]),
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Measured {
  /** Milliseconds for all files, per round. */
  totals: number[];
  cpu: number[];
  texts: string[];
}

async function compare(files: string[], rounds: number, folder: string): Promise<{ ours: Measured; sherpa: Measured }> {
  const libraries = dirname(createRequire(import.meta.url).resolve(`sherpa-onnx-${process.platform}-${process.arch}`));
  const start = startChild<RoundRequest, RoundReply>;
  const started: ForkedChild<RoundRequest, RoundReply>[] = [];
  try {
    const ours = await start('asr-ours.ts', [folder]);
    started.push(ours);
    const sherpa = await start('asr-sherpa.ts', [], { LD_LIBRARY_PATH: libraries });
    started.push(sherpa);
    const children = { ours, sherpa };
    const measured: Record<'ours' | 'sherpa', Measured> = {
      ours: { totals: [], cpu: [], texts: [] },
      sherpa: { totals: [], cpu: [], texts: [] },
    };
    // The first round warms up and is not counted.
    for (let round = -1; round < rounds; round += 1) {
      const order = round % 2 === 0 ? (['ours', 'sherpa'] as const) : (['sherpa', 'ours'] as const);
      for (const side of order) {
        const { results, cpuMilliseconds } = await children[side].ask({ files });
        if (round < 0) continue;
        measured[side].totals.push(results.reduce((sum, { milliseconds }) => sum + milliseconds, 0));
        measured[side].cpu.push(cpuMilliseconds);
        measured[side].texts = results.map(({ text }) => text);
      }
    }
    return measured;
  } finally {
    for (const child of started) child.end();
  }
}

function wordErrorRate(clips: readonly Clip[], texts: readonly string[]): number {
  let errors = 0;
  let words = 0;
  for (const [i, clip] of clips.entries()) {
    const reference = normalizedWords(clip.text);
    // Without the detector the clip without speech is no fair test of either.
    if (reference.length === 0) continue;
    errors += wordErrors(reference, normalizedWords(texts[i] ?? ''));
    words += reference.length;
  }
  return errors / words;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

if (import.meta.main) {
  const { pass, figures, table } = await run(process.argv.slice(2));
  console.log(
    table.map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(52) : cell.padStart(10))).join('')).join('\n'),
  );
  console.log(figures, pass ? 'PASS' : 'FAIL');
  process.exitCode = pass ? 0 : 1;
}
