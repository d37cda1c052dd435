/** `npm run chaos`: kills the gateway, its workers and its database again and again, and looks for what was lost. */
import { numberOption, parseCommandLine, runTool } from '../command-line.ts';
import { printReport } from '../report.ts';
import { runChaos } from './chaos.ts';
import { runPowerCuts } from './power-cut.ts';

const USAGE = `Usage: npm run chaos -- [--rounds N] [--seed N] [--power-cuts] [--json]

Jobs are sent without pause while the gateway, a worker or PostgreSQL is killed (SIGKILL) at random moments, once a
round; afterwards every acknowledged job must have ended once, with the text of an undisturbed run.

  --rounds N   kills, or power cuts; default 50, or 3
  --power-cuts instead of kills: the disk as it was at a moment, without what was not synced. Needs root and loop devices
  --seed N     of the moments and victims; default: the clock
  --json       a last line with {"name", "pass", "figures"}`;

await runTool(async (args) => {
  const options = {
    rounds: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'boolean' },
    'power-cuts': { type: 'boolean' },
  } as const;
  const values = parseCommandLine(args, options, USAGE);
  const rounds = numberOption('rounds', values.rounds, {
    min: 1,
    fallback: values['power-cuts'] ? 3 : 50,
    integer: true,
  });
  const seed = numberOption('seed', values.seed, { min: 0, fallback: Date.now() % 1_000_000, integer: true });
  const report = await (values['power-cuts'] ? runPowerCuts : runChaos)({
    rounds,
    seed,
    say: (line) => console.error(line),
  });
  printReport(report, { json: values.json ?? false });
  return report.pass;
});
