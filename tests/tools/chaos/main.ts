/** `npm run chaos`: kills the gateway, its workers and its database again and again, and looks for what was lost. */
import { numberOption, parseCommandLine, runTool } from '../command-line.ts';
import { printReport } from '../report.ts';
import { runChaos } from './chaos.ts';

const USAGE = `Usage: npm run chaos -- [--rounds N] [--seed N] [--json]

Jobs are sent without pause while the gateway, a worker or PostgreSQL is killed (SIGKILL) at random moments, once a
round; afterwards every acknowledged job must have ended once, with the text of an undisturbed run.

  --rounds N   kills; default 50
  --seed N     of the moments and victims; default: the clock
  --json       a last line with {"name", "pass", "figures"}`;

await runTool(async (args) => {
  const options = { rounds: { type: 'string' }, seed: { type: 'string' }, json: { type: 'boolean' } } as const;
  const values = parseCommandLine(args, options, USAGE);
  const rounds = numberOption('rounds', values.rounds, { min: 1, fallback: 50, integer: true });
  const seed = numberOption('seed', values.seed, { min: 0, fallback: Date.now() % 1_000_000, integer: true });
  const report = await runChaos({ rounds, seed, say: (line) => console.error(line) });
  printReport(report, { json: values.json ?? false });
  return report.pass;
});
