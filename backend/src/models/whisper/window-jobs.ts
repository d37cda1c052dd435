/** What a request asks of the model for one window, and the batches that answer it. */
import type { LogMel } from '../../audio/log-mel.ts';
import type { AttentionWeights } from './alignment.ts';
import type { DecodedRow, LanguageProbability, WhisperDecoder } from './decoder.ts';
import type { Lane, SchedulerOptions } from './scheduler.ts';
import { seedOf } from './seed-of.ts';

/** A window's audio, and its encoding once a job has needed it: temperatures, languages and word times share it. */
export interface WindowAudio {
  pcm: Float32Array;
  /** [1500, d] */
  hidden?: Float32Array;
}

export interface DecodeJob {
  prompt: readonly number[];
  temperature: number;
  timestamps: boolean;
  /** 1 where tokens are drawn. */
  beamSize: number;
}

export type WindowJob =
  | { task: 'detect'; audio: WindowAudio }
  | ({ task: 'decode'; audio: WindowAudio } & DecodeJob)
  | { task: 'align'; audio: WindowAudio; tokens: readonly number[] };

export type WindowAnswer =
  | { task: 'detect'; languages: readonly LanguageProbability[] }
  | { task: 'decode'; row: DecodedRow }
  | { task: 'align'; weights: AttentionWeights };

export type WindowLane = Lane<WindowJob, WindowAnswer>;

/** Most tokens written for one window (openai/whisper: half of the text context). */
const MAX_NEW_TOKENS = 224;

export interface WindowModel {
  mel: LogMel;
  /** Log mel features [bins, 3000] → [1500, d]. */
  encode(features: Float32Array): Promise<Float32Array>;
  decoder: Pick<WhisperDecoder, 'decode' | 'detectLanguage' | 'alignments'>;
}

/** How the scheduler runs window jobs: of one batch, all are of one kind, decoded at one temperature with as many beams. */
export function windowJobs({
  mel,
  encode,
  decoder,
}: WindowModel): Pick<SchedulerOptions<WindowJob, WindowAnswer>, 'key' | 'rows' | 'prepare' | 'run'> {
  const features = new Float32Array(mel.bins * 3000);

  /** One after the other: an encoder's attention scores of a whole batch would take hundreds of megabytes. */
  async function prepare({ audio }: WindowJob, signal: AbortSignal): Promise<void> {
    if (audio.hidden !== undefined) return;
    signal.throwIfAborted();
    audio.hidden = await encode(mel.extract(audio.pcm, features));
  }

  async function run(jobs: readonly WindowJob[], signal: AbortSignal): Promise<WindowAnswer[]> {
    const encoded = jobs.map(({ audio: { hidden } }) => {
      if (hidden === undefined) throw new Error('a window was not encoded before its batch');
      return hidden;
    });
    const [first] = jobs;
    if (first?.task === 'detect') {
      const rows = await decoder.detectLanguage(encoded);
      return rows.map((languages) => ({ task: 'detect', languages }));
    }
    if (first?.task === 'decode') {
      const rows = await decoder.decode({
        rows: encoded,
        prompts: jobs.map((job) => (job.task === 'decode' ? job.prompt : [])),
        timestamps: first.timestamps,
        temperature: first.temperature,
        beamSize: first.beamSize,
        ...(first.temperature > 0 ? { seeds: jobs.map(({ audio }) => seedOf(audio.pcm, first.temperature)) } : {}),
        maxNewTokens: MAX_NEW_TOKENS,
        signal,
      });
      return rows.map((row) => ({ task: 'decode', row }));
    }
    const answers: WindowAnswer[] = [];
    for (const [i, job] of jobs.entries()) {
      const row = encoded[i];
      if (job.task !== 'align' || row === undefined) throw new Error('a batch mixes window jobs');
      signal.throwIfAborted();
      answers.push({ task: 'align', weights: await decoder.alignments(row, job.tokens) });
    }
    return answers;
  }

  return {
    key: (job) => (job.task === 'decode' ? `decode ${job.temperature} ${job.timestamps} ${job.beamSize}` : job.task),
    rows: (job) => (job.task === 'decode' ? job.beamSize : 1),
    prepare,
    run,
  };
}

/** The languages of a window, likeliest first. */
export async function detectLanguages(lane: WindowLane, audio: WindowAudio): Promise<readonly LanguageProbability[]> {
  const answer = await lane.submit({ task: 'detect', audio });
  if (answer.task !== 'detect') throw new Error('the answer is to another job');
  return answer.languages.toSorted((a, b) => b.probability - a.probability);
}

export async function decodeRow(
  lane: WindowLane,
  job: Omit<Extract<WindowJob, { task: 'decode' }>, 'task'>,
): Promise<DecodedRow> {
  const answer = await lane.submit({ task: 'decode', ...job });
  if (answer.task !== 'decode') throw new Error('the answer is to another job');
  return answer.row;
}

export async function attentionOf(
  lane: WindowLane,
  audio: WindowAudio,
  tokens: readonly number[],
): Promise<AttentionWeights> {
  const answer = await lane.submit({ task: 'align', audio, tokens });
  if (answer.task !== 'align') throw new Error('the answer is to another job');
  return answer.weights;
}
