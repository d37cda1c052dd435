/** `npm run restore -- DIR [--force] [--erasures FILE]...`: puts a backup back, while the gateway is stopped. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { openDatabase } from '../store/database.ts';
import { commandLog, runCommand, say } from './command.ts';
import { restoreBackup } from './restore-backup.ts';

await runCommand(async () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { force: { type: 'boolean', default: false }, erasures: { type: 'string', multiple: true, default: [] } },
  });
  const [dir] = positionals;
  if (dir === undefined || positionals.length > 1) {
    throw new Error('Usage: npm run restore -- DIR [--force] [--erasures FILE]...');
  }
  const { dataDir, databaseUrl } = loadConfig(process.env);
  const database = await openDatabase({ dataDir, databaseUrl, log: commandLog });
  try {
    const { record, files, queued, erasures } = await restoreBackup({
      database,
      dataDir,
      dir: resolve(dir),
      force: values.force,
      journals: values.erasures.map((path) => resolve(path)),
      log: commandLog,
    });
    const again = erasures === 0 ? '' : `; ${erasures} erasures were done again`;
    say(`${record.id} of ${record.created_at} is restored: ${files} files, ${queued} unfinished jobs go on${again}`);
  } finally {
    await database.close();
  }
});
