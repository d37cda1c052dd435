/** Child of the separation benchmark: the pipeline as a worker runs it, from the caller's file to a wav for each stem. */
import type { LoadContext } from '../../../backend/src/models/define-model.ts';
import { demucs } from '../../../backend/src/models/demucs/definition.ts';
import { load } from '../../../backend/src/models/demucs/pipeline.ts';
import { graphFolding, openSession } from '../../../backend/src/worker/onnx.ts';
import { serveTracks } from './separation-protocol.ts';

const [, , graph = '', derived = ''] = process.argv;
const STEMS = ['drums', 'bass', 'other', 'vocals'] as const;
const THREADS = 2;

const context: LoadContext = {
  model: demucs({
    id: 'bench',
    repo: 'bench/bench',
    revision: 'main',
    license: 'none',
    estimateBytes: 1,
    settings: { members: [{ file: graph, makes: STEMS }] },
  }),
  dtype: undefined,
  file: (name) => name,
  auxiliaryFile: (role) => role,
  derivedFolder: async () => derived,
  openSession: (path, options = {}) => openSession(path, { threads: THREADS, device: 'cpu', ...options }),
  folding: await graphFolding('cpu'),
  tools: { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' },
  log(message, { reason } = {}) {
    throw new Error(`${message}: ${reason}`);
  },
};
const pipeline = await load(context);

serveTracks(async ({ audio, folder }) => {
  const input = { audioPath: audio, limits: { maxSeconds: 1e5, maxDecodedBytes: 1e12 }, outputDir: folder };
  const run = { signal: new AbortController().signal, emit: () => {} };
  await pipeline.run(input, { stems: [...STEMS], output: 'wav', shifts: 0 }, run);
});
