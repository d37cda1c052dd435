/**
 * Child of the separation benchmark: what one writes first. The published graph with ONNX Runtime's default options, the
 * same segments and transforms, the track and all stems in memory; nothing is decoded and nothing written.
 */
import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { OpenedSession, TensorInfo, TensorLike } from '../../../backend/src/audio/session.ts';
import { htdemucsGraph } from '../../../backend/src/models/demucs/htdemucs-graph.ts';
import { separate } from '../../../backend/src/models/demucs/separate.ts';
import { segmentModel } from '../../../backend/src/models/demucs/stem-model.ts';
import { DEMUCS_STEMS, trackOf } from '../../support/demucs.ts';
import { serveTracks } from './separation-protocol.ts';

const [, , path = ''] = process.argv;
const session = await InferenceSession.create(path);
const infos = (all: readonly InferenceSession.ValueMetadata[]): TensorInfo[] =>
  all.flatMap((info) => (info.isTensor ? [{ name: info.name, type: info.type, shape: info.shape }] : []));
const opened: OpenedSession = {
  inputs: infos(session.inputMetadata),
  outputs: infos(session.outputMetadata),
  tensor: (type: string, data: TensorLike['data'], dims: readonly number[]) =>
    new Tensor(type as 'float32', data as Float32Array, dims) as unknown as TensorLike,
  run: async (feeds) => (await session.run(feeds as unknown as Record<string, Tensor>)) as Record<string, TensorLike>,
  release: () => session.release(),
};
const graph = htdemucsGraph(opened, DEMUCS_STEMS.length);

serveTracks(async ({ pcm }) => {
  const bytes = new Uint8Array(await readFile(pcm));
  const samples = new Float32Array(bytes.buffer);
  const stems = DEMUCS_STEMS.map(() => new Float32Array(samples.length));
  const model = segmentModel([{ graph, makes: DEMUCS_STEMS }], DEMUCS_STEMS);
  let at = 0;
  for await (const block of separate(trackOf(samples), model, { signal: new AbortController().signal })) {
    for (const [i, part] of block.entries()) stems[i]?.set(part, at);
    at += block[0]?.length ?? 0;
  }
});
