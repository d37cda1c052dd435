/** `npm run dgx-day`: a day of loads, requests, evictions and failures on a fake DGX, and the accounts at its end. */
import { numberOption, parseCommandLine, runTool } from '../command-line.ts';
import { printReport } from '../report.ts';
import { runDay } from './day.ts';

const USAGE = `Usage: npm run dgx-day -- [--events N] [--seed N] [--no-process-ids] [--json]

The gateway, with real workers that compute nothing, on a fake nvidia-smi that plays a DGX with eight H200. Models are loaded,
asked, unloaded; GPUs vanish and come back, workers are killed, hang and run out of memory, the driver fails, memory does not
come back. Every 20 events, and in the end, the registry's account of each GPU must be the driver's, to the MiB; no busy
replica may have been ended to make room; every request must have been answered; no process may be left.

  --events N         default 200
  --seed N           of the events; default: the clock
  --no-process-ids   the driver tells no processes, as inside a container
  --json             a last line with {"name", "pass", "figures"}`;

await runTool(async (args) => {
  const options = {
    events: { type: 'string' },
    seed: { type: 'string' },
    'no-process-ids': { type: 'boolean' },
    json: { type: 'boolean' },
  } as const;
  const values = parseCommandLine(args, options, USAGE);
  const events = numberOption('events', values.events, { min: 1, fallback: 200, integer: true });
  const seed = numberOption('seed', values.seed, { min: 0, fallback: Date.now() % 1_000_000, integer: true });
  const hidesProcesses = values['no-process-ids'] ?? false;
  const report = await runDay({ events, seed, hidesProcesses, say: (line) => console.error(line) });
  printReport(report, { json: values.json ?? false });
  return report.pass;
});
