import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type Connection,
  EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '../../backend/src/store/embedded-postgres.ts';
import { clusterName, clusterProcesses } from '../../backend/src/store/server-files.ts';
import { startGateway } from '../support/gateway-process.ts';
import { isAlive } from '../support/processes.ts';
import { silentLog } from '../support/silent-log.ts';
import { spawnScript } from '../support/spawn-script.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

const isRoot = process.getuid?.() === 0;

async function start(dataDir: string, options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await EmbeddedPostgres.start({ dataDir, log: silentLog, ...options });
  onTestFinished(() => server.stop());
  return server;
}

/** A connection, closed with the test; one that breaks makes its query fail and nothing else. */
async function connect(connection: Connection): Promise<Client> {
  const client = new Client(connection);
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end().catch(() => {}));
  return client;
}

const firstValue = async (client: Client, query: string) => Object.values((await client.query(query)).rows[0])[0];
const serverDir = (dataDir: string) => join(dataDir, 'postgres', 'server');

describe('the embedded server', () => {
  it('keeps what it was told over a stop and a start, flushes to the disk, and is reached from here alone', async () => {
    const dir = await tempDir();
    const first = await start(dir);
    const client = await connect(first.connection);
    await client.query("create table kept as select 'straße 東京' as text");
    expect(await firstValue(client, 'show fsync')).toBe('on');
    expect(await firstValue(client, 'show listen_addresses')).toBe('127.0.0.1');
    expect(await firstValue(client, 'show data_checksums')).toBe('on');
    await client.end();
    const { pid } = first;
    await first.stop();
    expect(isAlive(pid ?? 0)).toBe(false);
    const again = await connect((await start(dir)).connection);
    expect(await firstValue(again, 'select text from kept')).toBe('straße 東京');
  });

  it('has a password that only its owner can read, and lets nobody in without it', async () => {
    const dir = await tempDir();
    const { connection } = await start(dir);
    const { mode } = await stat(join(serverDir(dir), 'password'));
    expect(mode & 0o777).toBe(0o600);
    await expect(connect({ ...connection, password: 'guess' })).rejects.toThrow('password authentication failed');
    const hba = await readFile(join(serverDir(dir), 'data', 'pg_hba.conf'), 'utf8');
    expect(hba).not.toMatch(/^\w.*\btrust$/m);
  });

  it('belongs to one gateway: a second one is told so', async () => {
    const dir = await tempDir();
    const { connection } = await start(dir);
    await expect(start(dir)).rejects.toThrow(`Another gateway is using ${dir}`);
    // The first does not notice.
    expect(await firstValue(await connect(connection), 'select 1')).toBe(1);
  });

  it('killed while it writes, is back by itself at the same port, with every insert that it had acknowledged', async () => {
    const server = await start(await tempDir());
    const { connection } = server;
    await (await connect(connection)).query('create table written (value int primary key)');
    const acknowledged: number[] = [];
    let next = 0;
    let writing = true;
    const write = async () => {
      while (writing) {
        const client = new Client(connection);
        client.on('error', () => {});
        try {
          await client.connect();
          while (writing) {
            const value = next++;
            await client.query('insert into written values ($1)', [value]);
            acknowledged.push(value);
          }
        } catch {
          // Killed: connect again.
        } finally {
          await client.end().catch(() => {});
        }
      }
    };
    const writers = [write(), write(), write(), write()];
    for (let kill = 1; kill <= 3; kill++) {
      const before = acknowledged.length;
      await waitUntil('it writes', () => acknowledged.length > before + 100);
      const { pid = 0 } = server;
      const killedAt = Date.now();
      process.kill(pid, 'SIGKILL');
      await waitUntil('a new server', () => server.pid !== undefined && server.pid !== pid);
      const count = acknowledged.length;
      await waitUntil('it writes again', () => acknowledged.length > count);
      expect(Date.now() - killedAt).toBeLessThan(5_000);
    }
    writing = false;
    await Promise.all(writers);
    const { rows } = await (await connect(connection)).query('select value from written');
    const present = new Set(rows.map(({ value }) => value));
    expect(acknowledged.filter((value) => !present.has(value))).toEqual([]);
  });

  it('that outlived its killed gateway is ended by the next one, which finds all that was written', async () => {
    const dir = await tempDir();
    const owner = spawnScript('embedded-owner.ts', dir);
    const { pid, connection } = JSON.parse((await owner.nextLine()) ?? '') as { pid: number; connection: Connection };
    await (await connect(connection)).query('create table kept as select 7 as value');
    owner.child.kill('SIGKILL');
    await owner.ended;
    expect(isAlive(pid)).toBe(true);
    const next = await start(dir);
    expect(isAlive(pid)).toBe(false);
    expect(await firstValue(await connect(next.connection), 'select value from kept')).toBe(7);
  });

  it('starts although its process id was given to another process since', async () => {
    const dir = await tempDir();
    await (await start(dir)).stop();
    const data = join(serverDir(dir), 'data');
    await writeFile(join(data, 'postmaster.pid'), `${process.pid}\n${data}\n0\n5432\n\n127.0.0.1\n\nready\n`);
    expect(await firstValue(await connect((await start(dir)).connection), 'select 1')).toBe(1);
  });

  it('starts although its folder was being made when the power went', async () => {
    const dir = await tempDir();
    await mkdir(join(serverDir(dir), 'data.new', 'base'), { recursive: true });
    await writeFile(join(serverDir(dir), 'data.new', 'PG_VERSION'), '18\n');
    expect(await firstValue(await connect((await start(dir)).connection), 'select 1')).toBe(1);
  });

  it('says why it does not start', async () => {
    const dir = await tempDir();
    await expect(start(dir, { settings: { shared_buffers: 'lots' } })).rejects.toThrow(
      /did not start.*shared_buffers/s,
    );
    await (await start(dir)).stop();
  });

  it.runIf(isRoot)('runs under another user id where root may not make a user namespace, and back', async () => {
    const dir = await tempDir();
    await chmod(dir, 0o755);
    const first = await start(dir, { namespaces: false });
    await (await connect(first.connection)).query('create table kept as select 7 as value');
    const { uid } = await stat(`/proc/${first.pid}`);
    expect(uid).not.toBe(0);
    await first.stop();
    for (const namespaces of [true, false]) {
      const server = await start(dir, { namespaces });
      const client = await connect(server.connection);
      expect(await firstValue(client, 'select value from kept')).toBe(7);
      await client.end();
      await server.stop();
    }
  });

  it.runIf(isRoot)('tells root what to do where neither way is open', async () => {
    // A temporary folder can be entered by its owner alone.
    await expect(start(await tempDir(), { namespaces: false })).rejects.toThrow(
      /only root may enter.* set DATABASE_URL/,
    );
  });
});

describe('a gateway without DATABASE_URL', () => {
  it('says which database it uses, and leaves no process behind', async () => {
    const dir = await tempDir();
    const gateway = await startGateway({ dir, env: { DATABASE_URL: '' } });
    const line = gateway
      .output()
      .split('\n')
      .find((text) => text.includes('"message":"database"'));
    expect(line).toContain(`embedded in ${join(dir, 'data')}`);
    const password = (await readFile(join(serverDir(join(dir, 'data')), 'password'), 'utf8')).trim();
    expect(gateway.output()).not.toContain(password);
    expect((await clusterProcesses(clusterName(password))).length).toBeGreaterThan(0);
    gateway.signal('SIGTERM');
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(await clusterProcesses(clusterName(password))).toEqual([]);
  });

  it('that is told to stop while it starts ends its database, too', async () => {
    const dir = await tempDir();
    const stopped = startGateway({ dir, env: { DATABASE_URL: '' }, stopAt: '"message":"database"' });
    await expect(stopped).rejects.toThrow('the gateway ended with 0');
    const password = (await readFile(join(serverDir(join(dir, 'data')), 'password'), 'utf8')).trim();
    expect(await clusterProcesses(clusterName(password))).toEqual([]);
  });

  it('that cannot listen ends its database, too', async () => {
    const dir = await tempDir();
    const holder = await startGateway({ dir: await tempDir() });
    const port = new URL(holder.url).port;
    await expect(startGateway({ dir, env: { DATABASE_URL: '', API_PORT: port } })).rejects.toThrow('EADDRINUSE');
    const password = (await readFile(join(serverDir(join(dir, 'data')), 'password'), 'utf8')).trim();
    expect(await clusterProcesses(clusterName(password))).toEqual([]);
  });
});
