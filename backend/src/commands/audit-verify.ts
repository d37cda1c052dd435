/** `npm run audit:verify`: recomputes the audit log's chain, says in one line how it is, and exits with 0 or 1. */
import { loadConfig } from '../config.ts';
import { verifyAudit } from '../store/audit.ts';
import { visitDatabase } from '../store/visit-database.ts';
import { commandLog, runCommand, say } from './command.ts';

await runCommand(async () => {
  const { dataDir, databaseUrl } = loadConfig(process.env);
  const verdict = await visitDatabase({ dataDir, databaseUrl, log: commandLog }, verifyAudit);
  if (verdict.brokenAt === undefined) {
    say(`The audit log is whole: ${verdict.count} rows, the last has hash ${verdict.hash}`);
  } else {
    say(
      `The audit log is broken at row ${verdict.brokenAt}: ${verdict.reason}. The ${verdict.count} rows before it are whole.`,
    );
    process.exitCode = 1;
  }
});
