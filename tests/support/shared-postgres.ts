/** One PostgreSQL for the whole run; each test that needs a database gets its own, copied from a migrated template. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { JobQueue } from '../../backend/src/jobs/queue.ts';
import { openDatabase } from '../../backend/src/store/database.ts';
import { EmbeddedPostgres } from '../../backend/src/store/embedded-postgres.ts';
import { silentLog } from './silent-log.ts';
import { databaseUrl, runOn, TEMPLATE } from './test-database.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser's URL of the shared server. */
    postgresUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), 'audio-gateway-postgres-'));
  let server: EmbeddedPostgres | undefined;
  const tearDown = async () => {
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    // Nothing here outlives the run, so nothing needs to reach the disk.
    server = await EmbeddedPostgres.start({
      dataDir: dir,
      log: silentLog,
      settings: { fsync: 'off', max_connections: '200' },
    });
    const { user, password, host, port } = server.connection;
    const url = `postgresql://${user}:${password}@${host}:${port}/postgres`;
    await runOn(url, `create database ${TEMPLATE}`);
    const template = await openDatabase({ dataDir: dir, databaseUrl: databaseUrl(url, TEMPLATE), log: silentLog });
    // The queue's tables too: making them takes a second, for each of hundreds of tests.
    const queue = await JobQueue.start({ connection: template.connection, log: silentLog, concurrency: 1 });
    await queue.stop();
    await template.close();
    project.provide('postgresUrl', url);
  } catch (error) {
    await tearDown();
    throw error;
  }
  return tearDown;
}
