/** Every PostgreSQL the store's tests run on: the embedded one of the whole run, and an external one. */
import { afterAll, inject } from 'vitest';
import { startExternalPostgres } from './external-postgres.ts';

export interface TestServer {
  name: string;
  /** URL of a user who may create databases; undefined: `name` says why it is not here. */
  url: string | undefined;
}

/** To be called once in a file, before its tests. */
export async function testServers(): Promise<TestServer[]> {
  const embedded = { name: 'the embedded server', url: inject('postgresUrl') };
  const external = await startExternalPostgres();
  if (external.url === undefined) {
    process.stderr.write(`The store is not tested on an external PostgreSQL: ${external.missing}\n`);
    return [embedded, { name: `an external server: ${external.missing}`, url: undefined }];
  }
  afterAll(() => external.stop());
  return [embedded, external];
}
