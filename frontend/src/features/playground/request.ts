/** What the form asks for, as the request that says so: the page sends it, and the code samples show it. */
import type { SeparationOutput } from '@contract/separation.ts';

export const TASKS = ['transcribe', 'translate', 'diarize', 'separate', 'all'] as const;
export type Task = (typeof TASKS)[number];

export interface Options {
  language: string;
  prompt: string;
  words: boolean;
  diarize: boolean;
  separateVocals: boolean;
  /** Ids; empty: the server's choice. */
  diarizationModel: string;
  separationModel: string;
  /** Exactly so many; empty: found out. */
  speakers: string;
  /** Empty: all that the model has. */
  stems: readonly string[];
  output: SeparationOutput;
  /** Compute anew, though an equal job is done. */
  fresh: boolean;
  /** The text as it is heard, instead of a job. */
  live: boolean;
}

export const DEFAULT_OPTIONS: Options = {
  language: '',
  prompt: '',
  words: true,
  diarize: false,
  separateVocals: false,
  diarizationModel: '',
  separationModel: '',
  speakers: '',
  stems: [],
  output: 'wav',
  fresh: false,
  live: false,
};

/** Whether a request can be answered as it is heard: what needs all of the audio first cannot. */
export function mayBeLive(task: Task, { diarize, separateVocals }: Options): boolean {
  return task === 'transcribe' && !diarize && !separateVocals;
}

export interface AudioRequest {
  path: string;
  /** In order; what is left out has the server's default. */
  fields: readonly (readonly [name: string, value: string])[];
}

const PATHS: Record<Task, string> = {
  transcribe: '/v1/audio/transcriptions',
  translate: '/v1/audio/translations',
  diarize: '/v1/audio/diarizations',
  separate: '/v1/audio/separations',
  all: '/v1/audio/pipelines',
};

/** Which models a task takes, by their `task`. */
export const MODEL_TASK: Record<Task, string> = {
  transcribe: 'transcription',
  translate: 'transcription',
  diarize: 'diarization',
  separate: 'separation',
  all: 'transcription',
};

/** Every job is asked for with the fullest answer: other formats come out of it later. */
export function requestOf(task: Task, model: string, options: Options): AudioRequest {
  const fields: [string, string][] = [];
  const add = (name: string, value: string) => {
    if (value !== '') fields.push([name, value]);
  };
  const hearsText = task === 'transcribe' || task === 'translate' || task === 'all';
  const hearsSpeakers = task === 'diarize' || task === 'all' || (task === 'transcribe' && options.diarize);
  add('model', model);
  if (task !== 'separate') add('response_format', 'verbose_json');
  if (hearsText) {
    if (task !== 'translate') {
      add('language', options.language.trim());
      if (options.words) {
        add('timestamp_granularities[]', 'segment');
        add('timestamp_granularities[]', 'word');
      }
    }
    add('prompt', options.prompt.trim());
  }
  if (task === 'transcribe' && options.diarize) add('diarize', 'true');
  if (task === 'transcribe' && options.separateVocals) add('separate_vocals', 'true');
  if (hearsSpeakers && task !== 'diarize') add('diarization_model', options.diarizationModel);
  if (task === 'all' || (task === 'transcribe' && options.separateVocals)) {
    add('separation_model', options.separationModel);
  }
  if (hearsSpeakers) add('num_speakers', options.speakers.trim());
  if (task === 'separate') {
    for (const stem of options.stems) add('stems[]', stem);
    if (options.output !== 'wav') add('output_format', options.output);
  }
  if (options.fresh) add('cache', 'false');
  return { path: PATHS[task], fields };
}
