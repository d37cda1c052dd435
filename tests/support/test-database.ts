/** A fresh, migrated database for one test, on the server of the whole run. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';

export const TEMPLATE = 'template_gateway';

export interface TestDatabase {
  url: string;
  /** Ends what is still connected to it. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** URL of a user who may create databases; default: the server of the whole run. */
  server?: string;
  /** `template0` gives an empty database. */
  template?: string;
}

export async function createTestDatabase({
  server = inject('postgresUrl'),
  template = TEMPLATE,
}: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await runOn(server, `create database ${name} template ${template}`);
  return {
    url: databaseUrl(server, name),
    drop: () => runOn(server, `drop database if exists ${name} with (force)`),
  };
}

/** The same server, another database. */
export function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs one statement on a connection of its own. */
export async function runOn(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
