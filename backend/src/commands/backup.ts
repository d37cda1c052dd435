/** `npm run backup -- DIR`: writes a backup into an empty folder, whether the gateway runs or not. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { visitDatabase } from '../store/visit-database.ts';
import { commandLog, complain, readVersion, runCommand, say } from './command.ts';
import { makeBackup } from './make-backup.ts';

await runCommand(async () => {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [dir] = positionals;
  if (dir === undefined || positionals.length > 1) throw new Error('Usage: npm run backup -- DIR');
  const { dataDir, databaseUrl } = loadConfig(process.env);
  const version = await readVersion();
  const record = await visitDatabase({ dataDir, databaseUrl, log: commandLog }, (db) =>
    makeBackup({ db, dataDir, dir: resolve(dir), version }),
  );
  const rows = Object.values(record.tables).reduce((sum, { count }) => sum + count, 0);
  const files = record.files.count - record.vanished.length - record.damaged.length;
  say(`${record.id}: ${rows} rows and ${files} files (${record.files.bytes} bytes) as of ${record.created_at}`);
  if (record.damaged.length === 0) return;
  complain(`${record.damaged.length} files are missing or damaged in DATA_DIR; backup.json names them`);
  process.exitCode = 1;
});
