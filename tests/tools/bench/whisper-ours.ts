/** Child of the Whisper benchmark: our encoder and decoder, the loop inside the graph or outside. */
import { join } from 'node:path';
import { buildPrompt } from '../../../backend/src/models/whisper/prompt.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { layoutOf, ONE_THREAD, openLoop, openSteps } from './whisper-model.ts';
import { FRAMES, MELS, serveWindows } from './whisper-protocol.ts';

const [, , model = '', loopGraph] = process.argv;
const layout = await layoutOf(model);
const encoder = await openSession(join(model, 'onnx/encoder_model.onnx'), ONE_THREAD);
const decoder = loopGraph === undefined ? await openSteps(model, layout) : await openLoop(loopGraph, layout);
const prompt = buildPrompt(layout, { language: 'en', task: 'transcribe', timestamps: false });
const signal = new AbortController().signal;

/** `features` [80, 3000] → [1500, d] */
async function encode(features: Float32Array): Promise<Float32Array> {
  const input = encoder.tensor('float32', features, [1, MELS, FRAMES]);
  const { last_hidden_state: hidden } = await encoder.run({ input_features: input });
  return hidden?.data as Float32Array;
}

serveWindows(async (features, tokens) => {
  const rows: Float32Array[] = [];
  for (const window of features) rows.push(await encode(window));
  const start = performance.now();
  const decoded = await decoder.decode({
    rows,
    prompts: rows.map(() => prompt),
    timestamps: false,
    maxNewTokens: tokens,
    temperature: 0,
    // Without an end every row writes as many tokens as it may.
    suppress: [...layout.suppress, layout.tokens.eot],
    signal,
  });
  const written = decoded.map((row) => row.tokens);
  return { written, decoderMilliseconds: performance.now() - start };
});
