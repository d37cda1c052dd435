/** The tiny Whisper models of the fixtures, opened for parity checks: encoder, and a decoder of each sort. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenedSession, SessionOptions } from '../../../backend/src/audio/session.ts';
import type { GraphOnDisk } from '../../../backend/src/models/derived-graph.ts';
import { readOnnxFile } from '../../../backend/src/models/onnx-file.ts';
import type { WhisperDecoder } from '../../../backend/src/models/whisper/decoder.ts';
import type { DecoderSessions } from '../../../backend/src/models/whisper/decoder-passes.ts';
import { readLayout, type WhisperLayout } from '../../../backend/src/models/whisper/layout.ts';
import { DISABLED_ON_CPU } from '../../../backend/src/models/whisper/load-whisper.ts';
import type { LoopDecoderOptions } from '../../../backend/src/models/whisper/loop-decoder.ts';
import { LOOP_INPUTS } from '../../../backend/src/models/whisper/loop-io.ts';
import { openLoop } from '../../../backend/src/models/whisper/open-decoder.ts';
import { type EncoderOptions, prepareEncoder } from '../../../backend/src/models/whisper/prepare-encoder.ts';
import { type LoopOptions, prepareLoop } from '../../../backend/src/models/whisper/prepare-loop.ts';
import { createStepDecoder } from '../../../backend/src/models/whisper/step-decoder.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import type { ReferenceCase } from '../../fixtures/whisper/reference.ts';
import {
  type FixtureOptions,
  seededFeatures,
  type WhisperKind,
  writeWhisperFixture,
} from '../../support/seeded-weights.ts';

export interface TinyWhisper {
  kind: WhisperKind;
  /** The repository's folder. */
  dir: string;
  /** Of the graphs' names. */
  suffix: string;
  layout: WhisperLayout;
  /** [1500, d] of a case's seeded features; made once. */
  encode(item: Pick<ReferenceCase, 'seed' | 'frames'>): Promise<Float32Array>;
  release(): Promise<void>;
}

export const openGraph = (graph: string | Uint8Array, options: SessionOptions = {}): Promise<OpenedSession> =>
  openSession(graph, { disabledOnCpu: DISABLED_ON_CPU, ...options, threads: options.threads ?? 1, device: 'cpu' });

export async function openTinyWhisper(kind: WhisperKind, root: string, options?: FixtureOptions): Promise<TinyWhisper> {
  const dir = join(root, kind);
  await mkdir(dir, { recursive: true });
  await writeWhisperFixture(kind, dir, options);
  const readJson = async (name: string) => JSON.parse(await readFile(join(dir, name), 'utf8'));
  const suffix = options?.suffix ?? '';
  const encoder = await openGraph(await fusedEncoder(dir, { suffix }));
  const prefill = await openGraph(join(dir, `onnx/decoder_model${suffix}.onnx`));
  const layout = readLayout(await readJson('config.json'), await readJson('generation_config.json'), prefill);
  await prefill.release();
  const encoded = new Map<string, Promise<Float32Array>>();

  async function run({ seed, frames }: Pick<ReferenceCase, 'seed' | 'frames'>): Promise<Float32Array> {
    const features = seededFeatures(seed, layout.melBins, frames);
    const outputs = await encoder.run({
      input_features: encoder.tensor('float32', features, [1, layout.melBins, 3000]),
    });
    return outputs.last_hidden_state?.data as Float32Array;
  }

  return {
    kind,
    dir,
    suffix,
    layout,
    encode(item) {
      const key = `${item.seed} ${item.frames}`;
      const made = encoded.get(key) ?? run(item);
      encoded.set(key, made);
      return made;
    },
    release: () => encoder.release(),
  };
}

/** The decoder whose loop runs outside the graph, on the pair of graphs or on the merged one. */
export async function openStepDecoder(model: TinyWhisper, graphs: 'pair' | 'merged'): Promise<WhisperDecoder> {
  const open = (name: string) => openGraph(join(model.dir, 'onnx', `${name}${model.suffix}.onnx`));
  const sessions: DecoderSessions =
    graphs === 'merged'
      ? { merged: await open('decoder_model_merged') }
      : { prefill: await open('decoder_model'), step: await open('decoder_with_past_model') };
  return createStepDecoder(sessions, model.layout);
}

export function decoderGraphs({ dir, suffix }: TinyWhisper): { prefill: GraphOnDisk; step: GraphOnDisk } {
  const graph = (name: string) => {
    const path = join(dir, 'onnx', `${name}${suffix}.onnx`);
    return { path, file: readOnnxFile(path) };
  };
  return { prefill: graph('decoder_model'), step: graph('decoder_with_past_model') };
}

/** The path of the encoder as the product runs it; what is rewritten goes to a folder in the model's. */
export async function fusedEncoder(
  dir: string,
  { weights = 'as-exported', suffix = '' }: { weights?: EncoderOptions['weights']; suffix?: string } = {},
): Promise<string> {
  const path = join(dir, `onnx/encoder_model${suffix}.onnx`);
  const { encoder_attention_heads: heads } = JSON.parse(await readFile(join(dir, 'config.json'), 'utf8'));
  return prepareEncoder({ path, file: readOnnxFile(path) }, { heads, weights }, () =>
    madeFolder(dir, 'derived-encoder'),
  );
}

/** The decoder whose loop runs inside the graph. */
export async function openLoopDecoder(
  model: TinyWhisper,
  weights: LoopOptions['weights'] = 'as-exported',
  { onRun, ...options }: Pick<LoopDecoderOptions, 'tokensPerRun'> & { onRun?: (rows: number) => void } = {},
): Promise<WhisperDecoder> {
  const graphs = await prepareLoop(decoderGraphs(model), model.layout, () => madeFolder(model.dir, 'derived'), {
    weights,
  });
  const open = async (path: string): Promise<OpenedSession> => {
    const session = await openGraph(path);
    if (path !== graphs.loop || onRun === undefined) return session;
    return {
      ...session,
      run(feeds) {
        onRun(feeds[LOOP_INPUTS.ids]?.dims[0] ?? 0);
        return session.run(feeds);
      },
    };
  };
  return openLoop(graphs, model.layout, open, options);
}

async function madeFolder(dir: string, name: string): Promise<string> {
  const folder = join(dir, name);
  await mkdir(folder, { recursive: true });
  return folder;
}

/** The decoders that must all agree with the reference. */
export const DECODERS = {
  loop: (model: TinyWhisper) => openLoopDecoder(model),
  step: (model: TinyWhisper) => openStepDecoder(model, 'pair'),
  merged: (model: TinyWhisper) => openStepDecoder(model, 'merged'),
} as const;
