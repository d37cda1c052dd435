/** What `mode=fast` costs in accuracy: DER of both modes with the stand-in embedding, which knows these speakers. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DIARIZATION_MODES } from '../../../backend/src/contract/diarization.ts';
import { diarize } from '../../../backend/src/models/pyannote/diarize.ts';
import { countDiarizationErrors, diarizationErrorRate } from '../../../backend/src/text/der.ts';
import { samplesOf } from '../../support/parity-clip.ts';
import { standInEmbedding } from '../../support/stand-in-embedding.ts';
import { type Conversation, conversationOf, readVoices, telephoneCall } from './diarization-audio.ts';
import { openPyannote } from './diarization-model.ts';

/** Of readers, seconds. */
const LENGTH = 300;

export interface Quality {
  name: string;
  speakers: number;
  /** Found. */
  heard: Record<'exact' | 'fast', number>;
  /** No collar, overlapping speech counted; 0 … */
  der: Record<'exact' | 'fast', number>;
  /** The part of it in which somebody else was found: what embeddings and clustering are to blame for. */
  confusion: Record<'exact' | 'fast', number>;
}

/** The number of speakers is told (`told`) or to be found. @param dir with the segmentation graph. */
export async function measureQuality(dir: string, segmentation: string): Promise<Quality[]> {
  const embedding = join(dir, 'stand-in.onnx');
  await writeFile(embedding, standInEmbedding());
  // As pyannote-3.1: community-1's PLDA knows nothing of the stand-in's vectors.
  const model = await openPyannote({ segmentation, embedding }, 2, { name: 'centroid' });
  const recordings: [string, Conversation][] = [
    ['telephone call', await telephoneCall()],
    ['five readers', conversationOf(await readVoices(), LENGTH)],
  ];
  const measured: Quality[] = [];
  try {
    for (const [name, { blocks, reference }] of recordings) {
      const audio = samplesOf(floatsOf([...blocks()]));
      const speakers = new Set(reference.map(({ speaker }) => speaker)).size;
      for (const told of [false, true]) {
        const quality = {
          name: `${name}${told ? ', number told' : ''}`,
          speakers,
          heard: both(),
          der: both(),
          confusion: both(),
        };
        for (const mode of DIARIZATION_MODES) {
          const { turns, speakers: found } = await diarize(model, {
            audio,
            params: { mode, numSpeakers: told ? speakers : undefined },
            signal: new AbortController().signal,
            onProgress() {},
          });
          quality.heard[mode] = found.length;
          const errors = countDiarizationErrors(reference, turns);
          quality.der[mode] = diarizationErrorRate(errors);
          quality.confusion[mode] = errors.confusion / errors.reference;
        }
        measured.push(quality);
      }
    }
    return measured;
  } finally {
    await model.segmentation.release();
    await model.embedding.release();
  }
}

function both(): Record<'exact' | 'fast', number> {
  return { exact: Number.NaN, fast: Number.NaN };
}

function floatsOf(blocks: readonly Int16Array[]): Float32Array {
  const samples = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    for (const sample of block) {
      samples[at] = sample / 32_768;
      at += 1;
    }
  }
  return samples;
}
