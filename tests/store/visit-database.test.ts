/** Looking at a database without changing it, whether its gateway runs or not. */
import { access, chown } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../backend/src/store/database.ts';
import { EmbeddedPostgres } from '../../backend/src/store/embedded-postgres.ts';
import { examineDatabase } from '../../backend/src/store/examine-database.ts';
import { visitDatabaseAsItIs } from '../../backend/src/store/visit-database.ts';
import { silentLog } from '../support/silent-log.ts';
import { tempDir } from '../support/temp-dir.ts';
import { createTestDatabase, runOn } from '../support/test-database.ts';

it('an embedded one: before it is made, while it runs, when it does not, and when another user owns it', async () => {
  const dataDir = join(await tempDir(), 'data');
  const options = { dataDir, databaseUrl: undefined, log: silentLog };
  const examine = () => visitDatabaseAsItIs(options, examineDatabase);
  expect(await examine()).toBeUndefined();
  await expect(access(dataDir)).rejects.toThrow('ENOENT');

  const database = await openDatabase(options);
  const beside = await examine().finally(() => database.close());
  const alone = await examine();
  const well = { version: expect.stringMatching(/^18\./), pending: [], unknown: [] };
  expect([beside, alone]).toEqual([expect.objectContaining(well), expect.objectContaining(well)]);
  expect(Math.abs(alone?.clockSkewSeconds ?? Number.NaN)).toBeLessThan(1);
  expect(await EmbeddedPostgres.findRunning(dataDir)).toBeUndefined();

  // A start makes the files this user's, and their gateway could not start any more.
  if (process.getuid?.() !== 0) return;
  await chown(join(dataDir, 'postgres'), 4_711, 4_711);
  await expect(examine()).rejects.toThrow('belongs to the user with the id 4711');
});

it('one that is to be migrated stays so', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await runOn(database.url, "delete from kysely_migration where name like '0005%'");
  await runOn(database.url, "insert into kysely_migration values ('9999-future', now()::text)");
  const options = { dataDir: '/nowhere', databaseUrl: database.url, log: silentLog };
  for (let times = 0; times < 2; times += 1) {
    expect(await visitDatabaseAsItIs(options, examineDatabase)).toMatchObject({
      pending: ['0005-retention'],
      unknown: ['9999-future'],
    });
  }
});
