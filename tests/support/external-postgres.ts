/** A PostgreSQL that is not the gateway's: TEST_DATABASE_URL, or Debian's, installed where that needs no one's permission. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../backend/src/store/free-port.ts';
import { findLauncher, SERVER_ENVIRONMENT } from '../../backend/src/store/unprivileged.ts';
import { aptInstall } from './apt-install.ts';
import { runOn } from './test-database.ts';
import { waitUntil } from './wait-until.ts';

const run = promisify(execFile);

export type ExternalPostgres =
  | { name: string; url: string; stop(): Promise<void>; missing?: undefined }
  | { url?: undefined; missing: string };

const DEBIAN_DIR = '/usr/lib/postgresql';
const PASSWORD = 'of-the-tests';

/** @returns the server, or why there is none. */
export async function startExternalPostgres(): Promise<ExternalPostgres> {
  const { TEST_DATABASE_URL, CI } = process.env;
  if (TEST_DATABASE_URL) return { name: 'TEST_DATABASE_URL', url: TEST_DATABASE_URL, stop: async () => {} };
  let version = await newestVersion();
  if (version === undefined && CI !== undefined && process.getuid?.() === 0) {
    process.stderr.write('Installing postgresql for the tests of the store …\n');
    await aptInstall('postgresql').catch((error) => process.stderr.write(`${error}\n`));
    version = await newestVersion();
  }
  if (version === undefined) {
    return { missing: 'no PostgreSQL here: set TEST_DATABASE_URL, or apt-get install -y postgresql' };
  }
  return start(version);
}

async function newestVersion(): Promise<string | undefined> {
  const versions = await readdir(DEBIAN_DIR).catch(() => []);
  return versions.sort((a, b) => Number(b) - Number(a))[0];
}

async function start(version: string): Promise<ExternalPostgres> {
  const dir = await mkdtemp(join(tmpdir(), 'audio-gateway-debian-'));
  // The server may run under another user id.
  await chmod(dir, 0o755);
  const launcher = await findLauncher({ nativeDir: join(DEBIAN_DIR, version), copyTo: join(dir, 'program') });
  const passwordPath = join(dir, 'password');
  await writeFile(passwordPath, PASSWORD);
  for (const path of [dir, passwordPath]) if (launcher.owner) await chown(path, launcher.owner, launcher.owner);
  const data = join(dir, 'data');
  const spawning = (program: string, args: string[]) => launcher.launch(program, args);
  const initdb = spawning('initdb', [
    '-D',
    data,
    '-U',
    'owner',
    '-A',
    'scram-sha-256',
    `--pwfile=${passwordPath}`,
    '-N',
  ]);
  await run(initdb.command, initdb.args, { ...initdb.options, env: SERVER_ENVIRONMENT });
  const port = await freePort('127.0.0.1');
  const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off' };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const postgres = spawning('postgres', ['-D', data, ...args]);
  const child = spawn(postgres.command, postgres.args, {
    ...postgres.options,
    env: SERVER_ENVIRONMENT,
    stdio: 'ignore',
  });
  const url = `postgresql://owner:${PASSWORD}@127.0.0.1:${port}/postgres`;
  await waitUntil('PostgreSQL answers', () => runOn(url, 'select 1').then(yes, no));
  return {
    name: `Debian's PostgreSQL ${version}`,
    url,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const yes = () => true;
const no = () => false;
