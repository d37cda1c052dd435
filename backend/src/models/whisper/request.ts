/** One caller's wishes, and what all windows of his file share. */

import type { OpenedSession } from '../../audio/session.ts';
import type { TranscriptWindow } from '../../contract/transcription.ts';
import { type DecodedPart, decodeWindow } from './decode-window.ts';
import { keywordTokens, type PromptRequest } from './prompt.ts';
import type { ResumePoint, ResumePosition } from './resume.ts';
import type { Scheduler } from './scheduler.ts';
import type { WhisperTokenizer } from './tokenizer.ts';
import {
  detectLanguages,
  type WindowAnswer,
  type WindowAudio,
  type WindowJob,
  type WindowLane,
} from './window-jobs.ts';
import type { AudioWindow, WindowOptions } from './windows.ts';

export interface WhisperModel {
  tokenizer: WhisperTokenizer;
  scheduler: Scheduler<WindowJob, WindowAnswer>;
  /** Silero's. */
  vad: OpenedSession;
  /** Set where the model knows one language only. */
  onlyLanguage: string | undefined;
  prompt(request: PromptRequest): number[];
}

export interface TranscribeOptions {
  /** A code the model knows; without it the first window decides, or each one (`detect`). */
  language?: string | undefined;
  /** Codes among which the language is sought; default all the model knows. */
  languages?: readonly string[] | undefined;
  detect?: 'once' | 'per-window';
  task?: PromptRequest['task'];
  prompt?: string | undefined;
  /** Words and phrases to expect in every window. */
  keywords?: readonly string[] | undefined;
  /** Beams of the search at temperature 0; default 1, greedy. */
  beamSize?: number | undefined;
  /** 0: greedy, with fallback. */
  temperature?: number;
  /** Word times are wanted; the model must give attentions. */
  words?: boolean;
  /** The text's tokens are wanted with their log-probabilities. */
  logprobs?: boolean;
  timestamps?: boolean;
  /**
   * `windows` (default): speech cut at pauses, decoded in batches, no window knowing of another. `sequential`: the
   * reference's way, 30 s at a time from where the last timestamp was, each conditioned on the text before.
   */
  mode?: 'windows' | 'sequential';
  windows?: WindowOptions;
  /** Sequential mode: the text so far is the next window's prompt (the reference's default). */
  conditionOnPrevious?: boolean;
  signal?: AbortSignal;
  onDelta?: (delta: string) => void;
  /**
   * Called for each window in order, once it is part of the transcript: all its results and the last position, as JSON,
   * are what `resumeFrom` takes.
   */
  onWindow?: (result: TranscriptWindow, position: ResumePosition) => void;
  /**
   * Goes on where an earlier run over the same PCM with the same model and options stood; the result is that of an
   * uninterrupted run.
   */
  resumeFrom?: ResumePoint;
}

export interface WhisperRequest {
  model: WhisperModel;
  options: TranscribeOptions;
  lane: WindowLane;
  /** Tokens of the caller's prompt, and of his keywords. */
  initial: readonly number[];
  keywords: readonly number[];
  /** Given, or found in the first window. */
  language: string | undefined;
  /** Finds the language, if it has to be, once for all windows unless each shall be asked. */
  languageOf(audio: WindowAudio): Promise<string>;
}

/** `heard`: the language of the first window, where an earlier run heard it. */
export function createRequest(
  model: WhisperModel,
  options: TranscribeOptions,
  lane: WindowLane,
  heard?: string,
): WhisperRequest {
  let asked = heard === undefined ? undefined : Promise.resolve(heard);
  const detect = async (audio: WindowAudio): Promise<string> => {
    const found = await detectLanguages(lane, audio);
    const best = found.find(({ code }) => options.languages?.includes(code)) ?? found[0];
    request.language ??= best?.code;
    return best?.code ?? 'en';
  };
  const request: WhisperRequest = {
    model,
    options,
    lane,
    initial: options.prompt?.trim() ? model.tokenizer.encode(` ${options.prompt.trim()}`) : [],
    keywords: keywordTokens(options.keywords ?? [], model.tokenizer.encode),
    language: model.onlyLanguage ?? options.language ?? heard,
    async languageOf(audio) {
      if (model.onlyLanguage !== undefined) return model.onlyLanguage;
      if (options.language !== undefined) return options.language;
      if (options.detect === 'per-window') return detect(audio);
      asked ??= detect(audio);
      return asked;
    },
  };
  return request;
}

/** Decodes one window; `previous` are the tokens its prompt conditions on. */
export async function decodeRequest(
  request: WhisperRequest,
  window: AudioWindow,
  how: { unfinished: 'keep' | 'drop'; previous: readonly number[] },
): Promise<DecodedPart[]> {
  const { model, options, lane } = request;
  const audio: WindowAudio = { pcm: window.pcm };
  return decodeWindow({ lane, tokenizer: model.tokenizer, prompt: model.prompt }, window, audio, {
    language: await request.languageOf(audio),
    task: options.task ?? 'transcribe',
    temperature: options.temperature ?? 0,
    timestamps: options.timestamps ?? true,
    words: options.words ?? false,
    beamSize: options.beamSize ?? 1,
    keywords: request.keywords,
    tellLanguage: options.detect === 'per-window',
    ...how,
  });
}
