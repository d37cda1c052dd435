/** Known voices on the whole gateway. */
import { sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { connectDatabase } from '../../backend/src/store/database.ts';
import { SpeakerStore } from '../../backend/src/store/speakers.ts';
import { silentLog } from '../support/silent-log.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { eventually, startApi } from './start-api.ts';

it('voices whose time is over are gone after the sweep at the start', async () => {
  const { url, drop } = await createTestDatabase();
  onTestFinished(drop);
  const { db, close } = connectDatabase({ connection: { connectionString: url }, log: silentLog });
  onTestFinished(close);
  const store = new SpeakerStore(db);
  const voice = { owner: 'key_1', model: 'm', voiceprint: [1], clips: 1, seconds: 2, expiresAfterDays: 1 };
  for (const name of ['Old', 'Young']) await store.add({ ...voice, name });
  await sql`update speakers set expires_at = now() where name = 'Old'`.execute(db);
  const api = await startApi({ env: { DATABASE_URL: url } });
  onTestFinished(() => api.close());
  await eventually(async () => {
    expect(await db.selectFrom('speakers').select('name').execute()).toEqual([{ name: 'Young' }]);
  });
});
