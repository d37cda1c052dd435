/** `npm run audit:verify`: recomputes the audit log's chain, says in one line how it is, and exits with 0 or 1. */
import { loadConfig } from '../config.ts';
import type { Logger } from '../logger.ts';
import { verifyAudit } from '../store/audit.ts';
import { visitDatabase } from '../store/visit-database.ts';

const problem = (message: string) => process.stderr.write(`${message}\n`);
const nothing = () => {};
const log: Logger = { debug: nothing, info: nothing, warn: nothing, error: problem, child: () => log };

try {
  const { dataDir, databaseUrl } = loadConfig(process.env);
  const verdict = await visitDatabase({ dataDir, databaseUrl, log }, verifyAudit);
  if (verdict.brokenAt === undefined) {
    process.stdout.write(`The audit log is whole: ${verdict.count} rows, the last has hash ${verdict.hash}\n`);
  } else {
    process.stdout.write(
      `The audit log is broken at row ${verdict.brokenAt}: ${verdict.reason}. The ${verdict.count} rows before it are whole.\n`,
    );
    process.exitCode = 1;
  }
} catch (error) {
  problem(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
