/** `npm run bench`: what the project's speed claims rest on, measured on the machine at hand. */
import { runTool, UsageError } from '../command-line.ts';
import { type BenchReport, printReport } from '../report.ts';

/** Each in a module of its own, loaded when asked for: one benchmark's needs must not stop another. */
const BENCHES: Record<string, () => Promise<{ run(args: string[]): Promise<BenchReport> }>> = {
  asr: () => import('./asr.ts'),
  batching: () => import('./batching.ts'),
  diarization: () => import('./diarization.ts'),
  gateway: () => import('./gateway.ts'),
  jobs: () => import('./jobs.ts'),
  long: () => import('./long.ts'),
  replicas: () => import('./replicas.ts'),
  separation: () => import('./separation.ts'),
  ui: () => import('./ui.ts'),
  upload: () => import('./upload.ts'),
  whisper: () => import('./whisper.ts'),
};

const USAGE = `Usage: npm run bench -- NAME [--json] [arguments]

  asr [ROUNDS]        speech recognition against sherpa-onnx: same weights, same files
  batching [ROUNDS] [int8] [fp32]
                      Whisper of the tiny shape, random weights: 16 requests at once with max_batch 8 against 1, and a short
                      request beside a long file
  diarization [ROUNDS]
                      who speaks when against sherpa-onnx: same segmentation, a ResNet34 with random weights; what
                      mode=fast loses, with a stand-in that knows the speakers
  diarization length [exact] [fast] [HOURS ...] [MODEL]
                      time and memory as recordings get longer (default: both modes, 10 min, 1 h, 4 h, pyannote-3.1), with
                      that stand-in
  gateway [ROUNDS]    what the gateway adds to a request, and whether busy models hold it up
  jobs [QUEUED]       accepted jobs a second, how soon they start, memory with so many waiting (default 10000); on an external
                      PostgreSQL too where TEST_DATABASE_URL names a server
  long [HOURS] [tiny] Whisper on a synthetic file of so many hours (default 3): memory, order, cancel, going on in the
                      middle; with weights a hundredth of the real ones, or random ones of the tiny shape
  replicas [ROUNDS]   a real model on the CPU: 2 replicas against 1, memory over 50 loads, a worker killed every second
  separation [ROUNDS] HTDemucs of the published size with random weights, 30 s: file to files against a plain loop in memory and
                      against demucs by PyTorch (DEMUCS_PYTHON names a Python that has it)
  separation length [MINUTES ...]
                      memory as tracks get longer (default: 1, 10, 60), with a small model
  ui [frames] [scripts] [lighthouse]
                      the built dashboard in Chromium: frame times with 1000 jobs and an hour of eight GPUs, script of each
                      screen, scores by Lighthouse of the folder LIGHTHOUSE names (none: NOT MEASURED)
  upload [MEGABYTES]  memory the gateway takes for a large upload; default 1024
  whisper [ROUNDS [TOKENS]] [SHAPE ...]
                      Whisper at the shapes tiny, base, small with random weights, 64 tokens a window, against
                      transformers.js in the folder TRANSFORMERS_JS names (none: our figures alone)

  --json              a last line with {"name", "pass", "figures"}

Exit status: 0 when every goal is met, 1 when not, 2 for wrong usage.`;

await runTool(async (args) => {
  const json = args.includes('--json');
  const [name, ...rest] = args.filter((argument) => argument !== '--json');
  if (name === '--help') {
    console.log(USAGE);
    return true;
  }
  const load = name === undefined ? undefined : BENCHES[name];
  if (load === undefined) {
    const problem = name === undefined ? 'Which benchmark?' : `There is no benchmark '${name}'.`;
    throw new UsageError(`${problem} There are: ${Object.keys(BENCHES).join(', ')}.\n\n${USAGE}`);
  }
  const { run } = await load();
  const report = await run(rest);
  printReport(report, { json });
  return report.pass;
});
