import { expect, it, onTestFinished } from 'vitest';
import { connectDatabase } from '../../backend/src/store/database.ts';
import { Notifications } from '../../backend/src/store/notifications.ts';
import { silentLog } from '../support/silent-log.ts';
import { createTestDatabase } from '../support/test-database.ts';

it('notifications can be closed before they are connected, and leave no connection', async () => {
  const testDatabase = await createTestDatabase();
  onTestFinished(() => testDatabase.drop());
  const connection = { connectionString: testDatabase.url };
  const { pool, close } = connectDatabase({ connection, log: silentLog });
  onTestFinished(close);
  const notifications = new Notifications({ connection, channel: 'any', log: silentLog });
  await notifications.close();
  const { rows } = await pool.query(
    'select application_name from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
  expect(rows).toEqual([]);
});
