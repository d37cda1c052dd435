/** From PCM to turns: the stages of pyannote's pipelines in their order. */
import { SAMPLE_RATE } from '../../audio/sample-rate.ts';
import type { OpenedSession } from '../../audio/session.ts';
import type { Diarization, DiarizationEvent, DiarizationParams, SpeakerTurn } from '../../contract/diarization.ts';
import { type ClusterMethod, cluster } from './clustering/cluster.ts';
import type { Matrix } from './clustering/matrix.ts';
import { embedSpeakers } from './embedding.ts';
import type { EmbeddingModel } from './embedding-model.ts';
import { LOCAL_SPEAKERS } from './powerset.ts';
import { SEGMENTATION_3_0 } from './reconstruct/frames.ts';
import { reconstruct } from './reconstruct/reconstruct.ts';
import { speakerName } from './reconstruct/turns.ts';
import { segmentAudio } from './segmentation.ts';
import { type SampleSource, WINDOW_STEP } from './sliding-windows.ts';

export interface PyannoteModel {
  segmentation: OpenedSession;
  embedding: EmbeddingModel;
  method: ClusterMethod;
}

export interface DiarizeOptions {
  audio: SampleSource;
  params: DiarizationParams;
  /** Windows in one run of a graph; each graph's own choice where undefined. */
  batch?: number | undefined;
  signal: AbortSignal;
  onProgress(stage: DiarizationEvent['stage'], done: number): void;
}

/** Samples from window to window with `mode: 'fast'`: each moment is heard in four windows instead of ten, for the voices without pauses. */
const FAST_STEP = 40_000;
/** Progress is told after each such share of a stage, whatever its length. */
const TOLD_SHARE = 0.02;

/** @throws the signal's reason */
export async function diarize(
  { segmentation: graph, embedding, method }: PyannoteModel,
  { audio, params, batch, signal, onProgress }: DiarizeOptions,
): Promise<Diarization> {
  const told = (stage: DiarizationEvent['stage']) => throttled((done) => onProgress(stage, done));
  const common = { ...(batch === undefined ? {} : { batch }), signal };
  const isFast = params.mode === 'fast';
  const step = isFast ? FAST_STEP : WINDOW_STEP;
  const heard = await segmentAudio(graph, audio, { ...common, step, onProgress: told('segmentation') });
  const embeddings = await embedSpeakers(embedding, audio, heard, {
    ...common,
    skipPauses: isFast,
    onProgress: told('embedding'),
  });
  onProgress('clustering', 0);
  const segmentations = {
    data: heard.active,
    chunks: heard.windows.count,
    frames: heard.frames,
    speakers: LOCAL_SPEAKERS,
  };
  const clustering = await cluster(segmentations, embeddings, {
    method,
    speakers: params.numSpeakers,
    minSpeakers: params.minSpeakers,
    maxSpeakers: params.maxSpeakers,
    signal,
  });
  const duration = audio.samples / SAMPLE_RATE;
  const { turns, exclusiveTurns, clusterOf } = reconstruct(
    { segmentations, clustering },
    {
      grid: { ...SEGMENTATION_3_0, windowStep: step / SAMPLE_RATE },
      maxSpeakers: params.numSpeakers ?? params.maxSpeakers,
      audioSeconds: duration,
    },
  );
  return {
    duration,
    turns,
    exclusive: exclusiveTurns,
    speakers: clusterOf.map((found, index) => {
      const speaker = speakerName(index);
      return { speaker, seconds: secondsOf(turns, speaker), voiceprint: voiceprintOf(clustering.centroids, found) };
    }),
  };
}

/** Of a voice that was only counted, never found, there is none: zeros. */
function voiceprintOf({ data, rows, columns }: Matrix, row: number): number[] {
  if (row >= rows) return new Array<number>(columns).fill(0);
  return [...data.subarray(row * columns, (row + 1) * columns)];
}

function secondsOf(turns: readonly SpeakerTurn[], speaker: string): number {
  return turns.filter((turn) => turn.speaker === speaker).reduce((sum, { start, end }) => sum + end - start, 0);
}

function throttled(tell: (done: number) => void): (done: number, total: number) => void {
  let next = 0;
  return (done, total) => {
    const share = total === 0 ? 1 : done / total;
    if (share < next && done < total) return;
    next = share + TOLD_SHARE;
    tell(share);
  };
}
