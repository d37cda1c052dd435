/** `npm run parity`: whether a model's parts compute what their reference does. */
import { parseCommandLine, runTool, UsageError } from '../command-line.ts';
import { type BenchReport, printReport } from '../report.ts';

const USAGE = `Usage: npm run parity -- NAME [--json]

  NAME     whisper
  --json   a last line with {"name", "pass", "figures"}

Exit status: 0 when all cases are equal, 1 when not, 2 for wrong usage.`;

const SUITES: Record<string, () => Promise<{ run(): Promise<BenchReport> }>> = {
  whisper: () => import('./whisper.ts'),
};

await runTool(async (args) => {
  const [name, ...rest] = args;
  const options = parseCommandLine(
    name?.startsWith('--') ? args : rest,
    { json: { type: 'boolean', default: false } },
    USAGE,
  );
  const suite = SUITES[name ?? ''];
  if (suite === undefined) throw new UsageError(`A suite is required: ${Object.keys(SUITES).join(', ')}\n\n${USAGE}`);
  const report = await (await suite()).run();
  printReport(report, { json: options.json });
  return report.pass;
});
