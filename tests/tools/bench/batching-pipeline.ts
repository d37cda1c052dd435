/** Whisper's pipeline, its windows no longer than speech makes them: random weights would write to the limit of 224 tokens. */
import type { LoadContext, Pipeline } from '../../../backend/src/models/define-model.ts';
import { loadWhisper, type OpenDecoder } from '../../../backend/src/models/whisper/load-whisper.ts';
import { openDecoder } from '../../../backend/src/models/whisper/open-decoder.ts';
import { createPipeline } from '../../../backend/src/models/whisper/pipeline.ts';

/** Written per window: 20 to 30 s of speech. */
const TOKENS = 64;

const openShort: OpenDecoder = async (...args) => {
  const opened = await openDecoder(...args);
  const { decode, ...others } = opened.rows;
  return { ...opened, rows: { ...others, decode: (request) => decode({ ...request, maxNewTokens: TOKENS }) } };
};

export async function load(context: LoadContext): Promise<Pipeline<'transcription'>> {
  return createPipeline(context, await loadWhisper(context, openShort));
}
