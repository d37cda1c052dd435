/**
 * The copies between memories that ONNX Runtime put into the loop's graph on a GPU, counted in the graph it saves, and
 * beside them those foretold by `cuda-placement.ts`. In float32 and float16, on the tiny model of real size.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { writeWhisperShape } from '../../fixtures/whisper/shapes/write-shape.ts';
import type { BenchReport } from '../report.ts';
import { placeOnCuda } from './cuda-placement.ts';
import { type GraphStructure, readStructure } from './graph-structure.ts';
import { shapeLoop } from './shape-model.ts';

const NAME = 'parity whisper-memcpy';
const GRAPHS = ['decoder_model', 'decoder_with_past_model'];

export async function run(): Promise<BenchReport> {
  const model = await mkdtemp(join(tmpdir(), 'whisper-memcpy-'));
  try {
    await writeWhisperShape('tiny', model, { graphs: GRAPHS.flatMap((name) => [name, `${name}_fp16`]) });
    const rows: string[][] = [];
    let inBody = 0;
    for (const precision of ['', '_fp16'] as const) {
      const path = await shapeLoop(model, precision);
      const counted = await countOnGpu(path, join(model, `on-gpu${precision}.onnx`));
      if (counted === undefined) return notRun();
      const foretold = new Map(
        placeOnCuda(readStructure(path).graph, readStructure(path).opset).map((graph) => [graph.where, graph]),
      );
      for (const [where, copies] of counted) {
        if (where.includes('body')) inBody += copies.length;
        const named = copies.slice(0, 3).join(', ');
        rows.push([
          `float${precision === '' ? 32 : 16}`,
          where,
          `${copies.length}`,
          `${foretold.get(where)?.copies.length}`,
          named,
        ]);
      }
    }
    const header = ['type', 'graph', 'copies', 'foretold', ''];
    return { name: NAME, pass: inBody === 0, figures: { copiesInLoop: inBody }, table: [header, ...rows] };
  } finally {
    await rm(model, { recursive: true, force: true });
  }
}

/** Graph → its copy nodes' values. Undefined where there is no GPU to open the graph on. */
async function countOnGpu(path: string, saved: string): Promise<Map<string, string[]> | undefined> {
  try {
    const session = await InferenceSession.create(path, {
      executionProviders: [{ name: 'cuda', deviceId: 0 }],
      // Fusions of nodes leave the copies as they are, and higher levels do not save for another machine.
      graphOptimizationLevel: 'basic',
      optimizedModelFilePath: saved,
      logSeverityLevel: 3,
    });
    await session.release();
  } catch (error) {
    console.error(`NOT RUN: no graph can be opened on a GPU here (${error instanceof Error ? error.message : error})`);
    return undefined;
  }
  const copies = new Map<string, string[]>();
  collect(readStructure(saved).graph, '', copies);
  return copies;
}

function collect({ nodes }: GraphStructure, where: string, into: Map<string, string[]>): void {
  into.set(
    where,
    nodes.filter(({ opType }) => opType.startsWith('Memcpy')).flatMap(({ inputs }) => inputs),
  );
  for (const node of nodes) {
    for (const [name, graph] of node.graphs) {
      collect(graph, [where, `${node.opType.toLowerCase()} ${name}`].filter(Boolean).join(', '), into);
    }
  }
}

function notRun(): BenchReport {
  return { name: `${NAME} NOT RUN`, pass: true, figures: { copiesInLoop: 'NOT RUN' }, table: [] };
}
