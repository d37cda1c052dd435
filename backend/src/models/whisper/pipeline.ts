/** Audio file → transcript, window by window, while it is being decoded. */
import { decodeAudio } from '../../audio/decode.ts';
import type { TranscriptionParams, TranscriptionResult } from '../../contract/transcription.ts';
import { GatewayError } from '../../errors.ts';
import type { LoadContext, ModelDefinition, Pipeline } from '../define-model.ts';
import { namedOutOfMemory } from '../out-of-memory.ts';
import type { WhisperSettings } from './definition.ts';
import { type LoadedWhisper, loadWhisper } from './load-whisper.ts';
import { openDecoder } from './open-decoder.ts';
import type { TranscribeOptions } from './request.ts';
import { transcribePcm } from './transcribe.ts';
import { transcribeResumably } from './transcribe-resumably.ts';
import { DEFAULT_WINDOW_OPTIONS, type WindowOptions } from './windows.ts';

export async function load(context: LoadContext): Promise<Pipeline<'transcription'>> {
  return createPipeline(context, await loadWhisper(context, openDecoder));
}

/** The requests of all callers share `model`, and interleave by window. */
export function createPipeline(
  { model: definition, tools }: Pick<LoadContext, 'model' | 'tools'>,
  model: LoadedWhisper,
): Pipeline<'transcription'> {
  const settings = definition.settings as WhisperSettings;
  return {
    async run({ audioPath, limits, resume }, params, { signal, emit }) {
      if (params.words && !model.attends) throw noWordTimes(definition, settings);
      const decode = () => decodeAudio(audioPath, { signal, ...limits, ...tools });
      const options: TranscribeOptions = {
        ...spoken(definition, params),
        prompt: params.prompt,
        keywords: params.keywords,
        beamSize: params.beamSize,
        temperature: params.temperature,
        words: params.words,
        logprobs: params.logprobs ?? false,
        task: params.task ?? 'transcribe',
        mode: params.chunking === undefined ? settings.longForm : 'windows',
        windows: windowOptions(params),
        signal,
        onDelta: (delta) => emit({ type: 'delta', delta }),
      };
      const result = await (resume === undefined
        ? transcribePcm(model, decode(), options)
        : transcribeResumably(model, decode, resume, {
            ...options,
            onWindow: (window, position) => emit({ type: 'window', window, position }),
          })
      ).catch((error: unknown) => {
        // Of the detector too, which runs outside of the scheduler.
        throw namedOutOfMemory(error);
      });
      return params.languages === undefined ? result : { ...result, languages: languagesOf(result) };
    },
    dispose: () => model.release(),
  };
}

/**
 * Several possible languages mean speech that changes between them: each window is asked for its own. Those that the model
 * does not know are left out.
 */
function spoken({ languages: known }: ModelDefinition, { language, languages = [] }: TranscriptionParams) {
  const possible = languages.filter((code) => known.length === 0 || known.includes(code));
  if (language !== undefined || possible.length <= 1) return { language: language ?? possible[0] };
  return { languages: possible, detect: 'per-window' } as const;
}

/** In the order they are heard. */
function languagesOf({ segments, language }: TranscriptionResult): string[] {
  return [...new Set(segments.map((segment) => segment.language ?? language))];
}

/**
 * `auto` and nothing are the same windows; a caller's `server_vad` settings move the detector's and the padding. To
 * hear everything rather than what the detector takes for speech, a model can be listed with `longForm: 'sequential'`.
 */
function windowOptions({ chunking }: TranscriptionParams): WindowOptions {
  if (chunking === undefined || chunking === 'auto') return DEFAULT_WINDOW_OPTIONS;
  return {
    ...DEFAULT_WINDOW_OPTIONS,
    vad: {
      ...DEFAULT_WINDOW_OPTIONS.vad,
      threshold: chunking.threshold,
      negativeThreshold: Math.max(0, chunking.threshold - 0.15),
      minSilenceSeconds: chunking.silence_duration_ms / 1000,
    },
    // A window keeps some of its 30 s for speech, whatever padding is asked for.
    padSeconds: Math.min(chunking.prefix_padding_ms / 1000, 5),
  };
}

function noWordTimes({ id }: ModelDefinition, { wordTimes }: WhisperSettings): GatewayError {
  const instead = wordTimes === undefined || wordTimes === id ? '' : ` Use '${wordTimes}'.`;
  return new GatewayError('unsupported_value', {
    message: `The model '${id}' gives no word timestamps: its graphs keep their attention to themselves.${instead}`,
    param: 'timestamp_granularities',
  });
}
