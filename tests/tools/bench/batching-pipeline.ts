/** Whisper's pipeline, its windows cut off where they shall be no longer than speech makes them: random weights write on to the limit. */
import type { LoadContext, Pipeline } from '../../../backend/src/models/define-model.ts';
import { loadWhisper, type OpenDecoder } from '../../../backend/src/models/whisper/load-whisper.ts';
import { openDecoder } from '../../../backend/src/models/whisper/open-decoder.ts';
import { createPipeline } from '../../../backend/src/models/whisper/pipeline.ts';

/** Tokens written per window at most. */
const TOKENS = Number(process.env.BENCH_WINDOW_TOKENS);

const openShort: OpenDecoder = async (...args) => {
  const opened = await openDecoder(...args);
  const { decode, ...others } = opened.rows;
  return { ...opened, rows: { ...others, decode: (request) => decode({ ...request, maxNewTokens: TOKENS }) } };
};

export async function load(context: LoadContext): Promise<Pipeline<'transcription'>> {
  return createPipeline(context, await loadWhisper(context, openShort));
}
