/** A connection to a database of the test's own, gone when the test ends. */
import { onTestFinished } from 'vitest';
import { connectDatabase, type Database } from '../../backend/src/store/database.ts';
import { silentLog } from './silent-log.ts';
import { createTestDatabase } from './test-database.ts';

export async function openTestDatabase(): Promise<Pick<Database, 'db'> & { url: string }> {
  const { url, drop } = await createTestDatabase();
  const { db, close } = connectDatabase({ connection: { connectionString: url }, log: silentLog });
  onTestFinished(async () => {
    await close();
    await drop();
  });
  return { db, url };
}
