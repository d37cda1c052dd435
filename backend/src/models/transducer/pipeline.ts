/** Audio file → transcript, while it is being decoded. */
import { decodeAudio } from '../../audio/decode.ts';
import { decodeOnce } from '../../audio/decode-once.ts';
import { DEFAULT_VAD_PARAMS, type VadParams } from '../../audio/vad.ts';
import type { TranscriptionParams } from '../../contract/transcription.ts';
import type { LoadContext, Pipeline } from '../define-model.ts';
import { namedOutOfMemory } from '../out-of-memory.ts';
import { openSpeechGraph } from '../speech-graph.ts';
import { type TransducerSettings, VAD_FILE, VAD_ROLE } from './definition.ts';
import { loadTransducer } from './load-transducer.ts';
import { transcribePcm } from './transcribe.ts';

export async function load(context: LoadContext): Promise<Pipeline<'transcription'>> {
  const model = await loadTransducer(context, context.model.settings as TransducerSettings);
  const vad = await openSpeechGraph(context, context.auxiliaryFile(VAD_ROLE, VAD_FILE));

  return {
    async run({ audioPath, limits, resume }, params, { signal, emit }) {
      const decode = () => decodeAudio(audioPath, { signal, ...limits, ...context.tools });
      const pcm = decodeOnce(decode, resume?.pcmPath);
      try {
        return await transcribePcm(model, pcm, {
          vad: { session: vad, params: vadParams(params) },
          signal,
          onDelta: (delta) => emit({ type: 'delta', delta }),
        });
      } catch (error) {
        throw namedOutOfMemory(error);
      }
    },
    async dispose() {
      await model.release();
      await vad.release();
    },
  };
}

/** A caller's `server_vad` settings move the detector's; `auto` and none leave its own. */
function vadParams({ chunking }: TranscriptionParams): VadParams {
  if (chunking === undefined || chunking === 'auto') return DEFAULT_VAD_PARAMS;
  return {
    ...DEFAULT_VAD_PARAMS,
    threshold: chunking.threshold,
    negativeThreshold: Math.max(0, chunking.threshold - 0.15),
    minSilenceSeconds: chunking.silence_duration_ms / 1000,
    padSeconds: chunking.prefix_padding_ms / 1000,
  };
}
