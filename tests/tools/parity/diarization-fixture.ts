/** What a reference run of pyannote.audio left behind in a folder, stage by stage. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Plda, readPlda } from '../../../backend/src/models/pyannote/clustering/plda.ts';
import { arrayOf, type NpyArray, readNpy, readNpz, toFloat64 } from '../../../backend/src/models/pyannote/npz.ts';
import type { FrameGrid } from '../../../backend/src/models/pyannote/reconstruct/frames.ts';
import type { Segmentations } from '../../../backend/src/models/pyannote/segmentations.ts';
import { parseRttm, type RttmTurn } from '../../../backend/src/text/rttm.ts';

export interface DiarizationFixture {
  segmentations: Segmentations;
  embeddings: { data: Float32Array; dimension: number };
  /** `chunk * speakers + speaker` of the embeddings used to find the speakers. */
  trainingRows: number[];
  lda: Float64Array;
  plda: Float64Array;
  phi: Float64Array;
  threshold: number;
  ahcLabels: number[];
  vbx: { responsibilities: Float64Array; priors: Float64Array; bounds: Float64Array };
  clusters: number;
  scores: Float64Array;
  centroids: Float64Array;
  assigned: number[];
  count: number[];
  discrete: { data: Float64Array; columns: number };
  grid: FrameGrid;
  minDurationOff: number;
  turns: RttmTurn[];
}

export function readDiarizationFixture(dir: string): DiarizationFixture {
  const file = (name: string) => readFileSync(join(dir, name));
  const raw = arrayOf(readNpz(file('raw_embeddings.npz')), 'embeddings');
  const segmentation = arrayOf(readNpz(file('segmentations.npz')), 'segmentations');
  const plda = readNpz(file('plda_embeddings.npz'));
  const ahc = readNpz(file('ahc_state.npz'));
  const vbx = readNpz(file('vbx_state.npz'));
  const clustering = readNpz(file('clustering.npz'));
  const reconstruction = readNpz(file('reconstruction.npz'));
  const floats = (arrays: Map<string, NpyArray>, name: string) => toFloat64(arrayOf(arrays, name));
  const scalar = (arrays: Map<string, NpyArray>, name: string) => floats(arrays, name)[0] ?? Number.NaN;
  const discrete = arrayOf(reconstruction, 'discrete_diarization');
  const [chunks = 0, frames = 0, speakers = 0] = segmentation.shape;
  const speakerOf = floats(plda, 'train_speaker_idx');
  return {
    segmentations: { data: asFloat32(segmentation), chunks, frames, speakers },
    embeddings: { data: asFloat32(raw), dimension: raw.shape[2] ?? 0 },
    trainingRows: [...floats(plda, 'train_chunk_idx')].map((chunk, at) => chunk * speakers + (speakerOf[at] ?? 0)),
    lda: floats(plda, 'post_xvec'),
    plda: floats(plda, 'post_plda'),
    phi: floats(plda, 'phi'),
    threshold: scalar(ahc, 'threshold'),
    ahcLabels: [...toFloat64(readNpy(file('ahc_init_labels.npy')))],
    vbx: {
      responsibilities: floats(vbx, 'q_final'),
      priors: floats(vbx, 'sp_final'),
      bounds: floats(vbx, 'elbo_trajectory'),
    },
    clusters: arrayOf(clustering, 'centroids').shape[0] ?? 0,
    scores: floats(clustering, 'soft_clusters'),
    centroids: floats(clustering, 'centroids'),
    assigned: [...floats(clustering, 'hard_clusters')],
    count: [...floats(reconstruction, 'count')],
    discrete: { data: toFloat64(discrete), columns: discrete.shape[1] ?? 0 },
    grid: {
      windowDuration: scalar(reconstruction, 'chunk_duration'),
      windowStep: scalar(reconstruction, 'chunk_step'),
      frameDuration: scalar(reconstruction, 'frame_duration'),
      frameStep: scalar(reconstruction, 'frame_step'),
    },
    minDurationOff: scalar(reconstruction, 'min_duration_off'),
    turns: parseRttm(file('reference.rttm').toString('utf8')),
  };
}

/** The weights as the hub has them: `plda.npz` and `xvec_transform.npz`. */
export function readPldaFolder(dir: string): Plda {
  return readPlda({
    plda: readFileSync(join(dir, 'plda.npz')),
    xvecTransform: readFileSync(join(dir, 'xvec_transform.npz')),
  });
}

function asFloat32({ data }: NpyArray): Float32Array {
  if (!(data instanceof Float32Array)) throw new Error('Segmentations and embeddings must be float32');
  return data;
}
