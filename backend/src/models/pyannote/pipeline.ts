/** Audio file → who speaks when. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { decodeAudio } from '../../audio/decode.ts';
import { openPcmFile, writePcmFile } from '../../audio/pcm-file.ts';
import type { LoadContext, Pipeline } from '../define-model.ts';
import { namedOutOfMemory } from '../out-of-memory.ts';
import type { ClusterMethod } from './clustering/cluster.ts';
import { readPlda } from './clustering/plda.ts';
import { type PyannoteSettings, SEGMENTATION_FILE, SEGMENTATION_ROLE } from './definition.ts';
import { diarize } from './diarize.ts';
import { openEmbeddingModel } from './embedding-model.ts';

export async function load(context: LoadContext): Promise<Pipeline<'diarization'>> {
  const settings = context.model.settings as PyannoteSettings;
  const { embedding: embeddingFile, segmentation: segmentationFile, clustering } = settings;
  const segmentation = await context.openSession(
    segmentationFile === undefined
      ? context.auxiliaryFile(SEGMENTATION_ROLE, SEGMENTATION_FILE)
      : context.file(segmentationFile),
  );
  const embedding = await openEmbeddingModel(context, context.file(embeddingFile));
  const method = await methodOf(clustering, context);
  return {
    async run({ audioPath, limits, resume }, params, { signal, emit }) {
      const pcmPath = resume?.pcmPath;
      if (pcmPath === undefined) throw new Error('A diarization needs a place for the decoded audio');
      if (!existsSync(pcmPath)) {
        emit({ type: 'progress', stage: 'decoding', done: 0 });
        await writePcmFile(pcmPath, decodeAudio(audioPath, { signal, ...limits, ...context.tools }));
      }
      await using audio = await openPcmFile(pcmPath);
      try {
        return await diarize(
          { segmentation, embedding, method },
          {
            audio,
            params,
            batch: context.maxBatch,
            signal,
            onProgress: (stage, done) => emit({ type: 'progress', stage, done }),
          },
        );
      } catch (error) {
        throw namedOutOfMemory(error);
      }
    },
    async dispose() {
      await segmentation.release();
      await embedding.release();
    },
  };
}

async function methodOf(
  clustering: PyannoteSettings['clustering'],
  context: Pick<LoadContext, 'file'>,
): Promise<ClusterMethod> {
  const threshold = clustering.threshold === undefined ? {} : { threshold: clustering.threshold };
  if (clustering.method === 'centroid') return { name: 'centroid', ...threshold };
  const plda = readPlda({
    plda: await readFile(context.file(clustering.plda)),
    xvecTransform: await readFile(context.file(clustering.xvecTransform)),
  });
  return { name: 'vbx', plda, ...threshold };
}
