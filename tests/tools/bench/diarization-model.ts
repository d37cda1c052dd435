/** The graphs of the diarization benchmark, for both programs, and ours opened in the process at hand. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ClusterMethod } from '../../../backend/src/models/pyannote/clustering/cluster.ts';
import { readPlda } from '../../../backend/src/models/pyannote/clustering/plda.ts';
import { SEGMENTATION_FILE } from '../../../backend/src/models/pyannote/definition.ts';
import type { PyannoteModel } from '../../../backend/src/models/pyannote/diarize.ts';
import { openEmbeddingModel } from '../../../backend/src/models/pyannote/embedding-model.ts';
import { messageField, textField } from '../../../backend/src/models/wire.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { shared } from '../../support/shared.ts';
import { speakerGraph } from '../../support/speaker-graphs.ts';

export const SEGMENTATION_REPO = 'hub/onnx-community/pyannote-segmentation-3.0';
export const PLDA_REPO = 'hub/FinDIT-Studio/dia-models';

/** What sherpa-onnx reads (scripts/pyannote/segmentation/export-onnx.py), by the model's own numbers. */
const SEGMENTATION_METADATA = {
  model_type: 'pyannote-segmentation-3.0',
  num_speakers: '3',
  powerset_max_classes: '2',
  num_classes: '7',
  sample_rate: '16000',
  window_size: '160000',
  receptive_field_size: '991',
  receptive_field_shift: '270',
};

/** As above (scripts/wespeaker/add_meta_data.py): features of 16-bit integers, their mean subtracted. */
const EMBEDDING_METADATA = {
  framework: 'wespeaker',
  language: 'English',
  url: '',
  comment: '',
  sample_rate: '16000',
  output_dim: '256',
  normalize_samples: '0',
  feature_normalize_type: 'global-mean',
};

/** One file for both programs: pyannote's segmentation, and WeSpeaker's ResNet34 with random weights. */
export async function writeDiarizationGraphs(dir: string): Promise<{ segmentation: string; embedding: string }> {
  const segmentation = join(dir, 'segmentation.onnx');
  const embedding = join(dir, 'embedding.onnx');
  const exported = await readFile(shared(SEGMENTATION_REPO, SEGMENTATION_FILE));
  await writeFile(segmentation, withMetadata(exported, SEGMENTATION_METADATA));
  await writeFile(embedding, withMetadata(await speakerGraph('resnet34-plain'), EMBEDDING_METADATA));
  return { segmentation, embedding };
}

/** ModelProto: metadata_props 14 (key 1, value 2). Fields of a message may stand in any order. */
function withMetadata(model: Uint8Array, entries: Readonly<Record<string, string>>): Uint8Array {
  const fields = Object.entries(entries).map(([key, value]) =>
    messageField(14, [textField(1, key), textField(2, value)]),
  );
  return Buffer.concat([model, ...fields]);
}

export async function openPyannote(
  { segmentation, embedding }: { segmentation: string; embedding: string },
  threads: number,
  method: ClusterMethod,
): Promise<PyannoteModel> {
  const open = (graph: string | Uint8Array) => openSession(graph, { threads, device: 'cpu' });
  const context = {
    openSession: open,
    async derivedFolder() {
      const dir = join(dirname(embedding), 'derived');
      await mkdir(dir, { recursive: true });
      return dir;
    },
    log: (message: string, fields?: Record<string, unknown>) => console.error(message, fields),
  };
  return {
    segmentation: await open(segmentation),
    embedding: await openEmbeddingModel(context, embedding),
    method,
  };
}

/** The method of pyannote-community-1. */
export async function readVbx(): Promise<ClusterMethod> {
  const read = (name: string) => readFile(shared(PLDA_REPO, name));
  return {
    name: 'vbx',
    plda: readPlda({ plda: await read('plda.npz'), xvecTransform: await read('xvec_transform.npz') }),
  };
}
