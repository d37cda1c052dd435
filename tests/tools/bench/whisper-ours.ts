/** Child of the Whisper benchmark: our log-mel, encoder and decoder, the loop inside the graph or outside. */
import { createLogMel } from '../../../backend/src/audio/log-mel.ts';
import { buildPrompt } from '../../../backend/src/models/whisper/prompt.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { exportedEncoder, layoutOf, openPreparedLoop, openSteps } from './whisper-model.ts';
import { FRAMES, MELS, serveWindows } from './whisper-protocol.ts';

const [, , model = '', threadCount = '1', encoderGraph, loop, cross] = process.argv;
const threads = Number(threadCount);
const layout = await layoutOf(model);
const encoder = await openSession(encoderGraph ?? exportedEncoder(model), { threads, device: 'cpu' });
const decoder =
  loop === undefined
    ? await openSteps(model, layout, threads)
    : await openPreparedLoop({ loop, cross }, layout, threads);
const prompt = buildPrompt(layout, { language: 'en', task: 'transcribe', timestamps: false });
const signal = new AbortController().signal;
const mel = createLogMel(MELS);
const features = new Float32Array(MELS * FRAMES);

/** 30 s → [1500, d] */
async function encode(pcm: Float32Array): Promise<Float32Array> {
  const input = encoder.tensor('float32', mel.extract(pcm, features), [1, MELS, FRAMES]);
  const { last_hidden_state: hidden } = await encoder.run({ input_features: input });
  return hidden?.data as Float32Array;
}

serveWindows(async (windows, tokens) => {
  const rows: Float32Array[] = [];
  for (const pcm of windows) rows.push(await encode(pcm));
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
