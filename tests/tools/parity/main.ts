/** `npm run parity`: whether a model's parts compute what their reference does. */
import { parseCommandLine, runTool, UsageError } from '../command-line.ts';
import { type BenchReport, printReport } from '../report.ts';

const USAGE = `Usage: npm run parity -- NAME [ARGUMENT...] [--json]

  whisper                    the decoders against the reference, on tiny models
  whisper-shapes [SHAPE...]  the loop put into decoders of the real sizes: tiny, base, small (these without SHAPE),
                             large-v3-turbo, large-v3; with _fp16 behind: tiny, large-v3-turbo in float16
  diarization                clustering and reconstruction against pyannote.audio's intermediate results, in every folder
                             of PARITY_FIXTURES (../shared/diarization-parity); PLDA_WEIGHTS: folder of plda.npz and
                             xvec_transform.npz (../shared/hub/FinDIT-Studio/dia-models)
  separation                 HTDemucs' stems against the reference's, on a small model
  whisper-memcpy             copies between memories inside the loop, counted on a GPU; without one it says NOT RUN
  --json                     a last line with {"name", "pass", "figures"}

Exit status: 0 when all cases are equal, 1 when not, 2 for wrong usage.`;

const SUITES: Record<string, () => Promise<{ run(args: readonly string[]): Promise<BenchReport> }>> = {
  diarization: () => import('./diarization.ts'),
  separation: () => import('./separation.ts'),
  whisper: () => import('./whisper.ts'),
  'whisper-memcpy': () => import('./whisper-memcpy.ts'),
  'whisper-shapes': () => import('./whisper-shapes.ts'),
};
/** Those that take arguments. */
const ARGUED: readonly string[] = ['whisper-shapes'];

await runTool(async (args) => {
  const [name, ...rest] = args;
  const takesArguments = ARGUED.includes(name ?? '');
  const given = takesArguments ? rest.filter((arg) => !arg.startsWith('--')) : [];
  const options = parseCommandLine(
    name?.startsWith('--') ? args : rest.filter((arg) => !given.includes(arg)),
    { json: { type: 'boolean', default: false } },
    USAGE,
  );
  const suite = SUITES[name ?? ''];
  if (suite === undefined) throw new UsageError(`A suite is required: ${Object.keys(SUITES).join(', ')}\n\n${USAGE}`);
  const report = await (await suite()).run(given);
  printReport(report, { json: options.json });
  return report.pass;
});
