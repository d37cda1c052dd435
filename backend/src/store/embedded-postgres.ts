/**
 * A PostgreSQL server of the gateway's own, as a child process: made at the first start, kept running, stopped with the
 * gateway. Why and how: doc/decisions/0010-embedded-postgresql.md.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { type FileLock, tryLock } from '../file-lock.ts';
import type { Logger } from '../logger.ts';
import { freePort } from './free-port.ts';
import { findPostgresPackage } from './postgres-package.ts';
import {
  clusterName,
  clusterProcesses,
  readOrMakePassword,
  readPassword,
  readPostmaster,
  serverFiles,
} from './server-files.ts';
import { stopLeftovers } from './stop-leftovers.ts';
import { findLauncher, giveTo, type Launcher, SERVER_ENVIRONMENT } from './unprivileged.ts';

const run = promisify(execFile);

export interface Connection {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

export interface EmbeddedPostgresOptions {
  dataDir: string;
  log: Logger;
  /** Settings of the server beside its own, for tests. */
  settings?: Record<string, string>;
  /** For tests: false makes root's server run under another user id. */
  namespaces?: boolean;
}

const HOST = '127.0.0.1';
const USER = 'gateway';
const DATABASE = 'gateway';
/** Crash recovery of a large database takes minutes; longer than this, something hangs. */
const START_TIMEOUT_MS = 10 * 60_000;
const READY_POLL_MS = 25;
const STOP_TIMEOUT_MS = 30_000;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** Somebody else may take the port that was free when it was looked for. */
const START_ATTEMPTS = 3;
const KEPT_LINES = 20;
const LAST_WORDS_MS = 500;
/** What it tells each connection that comes too early. */
const NOT_YET = /FATAL: {2}the database system is (starting up|not yet)|Consistent recovery state/;

const SETTINGS = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  max_connections: '50',
  shared_buffers: '64MB',
  max_wal_size: '512MB',
  // The package has no LLVM.
  jit: 'off',
  // A statement may quote what somebody said.
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
  // Recovery flushes what a crash left in memory: at once, not file by file, a thousand of them.
  recovery_init_sync_method: 'syncfs',
};

export class EmbeddedPostgres {
  readonly connection: Connection;
  readonly version: string;
  readonly #launcher: Launcher;
  readonly #data: string;
  readonly #lock: FileLock;
  readonly #log: Logger;
  readonly #settings: Record<string, string>;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #lastLines: string[] = [];
  #launchedAt = 0;
  #restarting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  private constructor(
    parts: Pick<EmbeddedPostgres, 'connection' | 'version'> & {
      launcher: Launcher;
      data: string;
      lock: FileLock;
      log: Logger;
      settings: Record<string, string>;
    },
  ) {
    this.connection = parts.connection;
    this.version = parts.version;
    this.#launcher = parts.launcher;
    this.#data = parts.data;
    this.#lock = parts.lock;
    this.#log = parts.log;
    this.#settings = parts.settings;
  }

  /**
   * The server, ready to be connected to.
   * @throws when another gateway owns `dataDir`, or the server does not start: with the reason in its own words.
   */
  static async start({
    dataDir,
    log,
    settings = {},
    namespaces = true,
  }: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const { nativeDir, version } = await findPostgresPackage();
    await mkdir(dataDir, { recursive: true });
    const files = serverFiles(await realpath(dataDir), version);
    const lock = tryLock(files.lock);
    if (lock === undefined) {
      throw new Error(
        `Another gateway is using ${dataDir}. Stop it, set another DATA_DIR, or share one database by DATABASE_URL.`,
      );
    }
    try {
      const launcher = await findLauncher({ nativeDir, copyTo: files.program, namespaces });
      const password = await readOrMakePassword(files);
      await giveTo(launcher.owner, files.dir);
      await initialize(launcher, files.data, files.password, log);
      const server = new EmbeddedPostgres({
        connection: { host: HOST, port: 0, user: USER, password, database: DATABASE },
        version,
        launcher,
        data: files.data,
        lock,
        log,
        settings: { ...SETTINGS, ...settings, cluster_name: clusterName(password) },
      });
      await server.#startFirst();
      return server;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** How to reach a server that runs on `dataDir`, another process's; undefined when none does. */
  static async findRunning(dataDir: string): Promise<Connection | undefined> {
    const files = serverFiles(dataDir, '');
    const [password, postmaster] = await Promise.all([readPassword(files.password), readPostmaster(files.data)]);
    if (password === undefined || postmaster?.ready !== true) return undefined;
    // A machine that lost its power leaves the file, too.
    if (!(await clusterProcesses(clusterName(password))).includes(postmaster.pid)) return undefined;
    return { host: HOST, port: postmaster.port, user: USER, password, database: DATABASE };
  }

  /** Process id of the server; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Ends sessions, writes a checkpoint, ends the server; it cannot be started again. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#restarting;
    await this.#endChild();
    process.off('exit', this.#onExit);
    this.#lock.release();
  }

  async #startFirst(): Promise<void> {
    // The gateway may end in ways that nobody awaits.
    process.on('exit', this.#onExit);
    try {
      for (let attempt = 1; ; attempt++) {
        this.connection.port = await freePort(HOST);
        try {
          await this.#launch();
          break;
        } catch (error) {
          if (attempt === START_ATTEMPTS || !this.#lastLines.some((line) => line.includes('Address already in use'))) {
            throw error;
          }
        }
      }
      await createDatabase(this.connection);
    } catch (error) {
      this.#stopping.abort();
      await this.#endChild();
      process.off('exit', this.#onExit);
      throw error;
    }
  }

  readonly #onExit = () => {
    this.#child?.kill('SIGINT');
  };

  /** Starts the server and waits until it takes connections. */
  async #launch(): Promise<void> {
    const leftovers = await stopLeftovers({ data: this.#data, cluster: this.#settings.cluster_name ?? '' });
    if (leftovers !== 'nothing') {
      this.#log.warn('an earlier database server was still there and was ended', { leftovers });
    }
    const settings = Object.entries({ ...this.#settings, port: String(this.connection.port) });
    const { command, args, options } = this.#launcher.launch('postgres', [
      '-D',
      this.#data,
      ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]);
    this.#lastLines = [];
    const child = spawn(command, args, {
      ...options,
      env: SERVER_ENVIRONMENT,
      stdio: ['ignore', 'ignore', 'pipe'],
      // A Ctrl-C in the terminal is for the gateway, which stops the server when nothing needs it any more.
      detached: true,
    });
    this.#child = child;
    createInterface({ input: child.stderr }).on('line', (line) => this.#hear(line));
    // Not `close`: sessions of a killed server hold its stderr open for as long as they live.
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? `exit status ${code}`));
    });
    const waiting = new AbortController();
    const ready = waitUntilReady(this.#data, child.pid, AbortSignal.any([waiting.signal, this.#stopping.signal]));
    try {
      const reason = await Promise.race([ended, ready]);
      if (reason !== undefined) {
        await this.#lastWords(child);
        throw new Error(`PostgreSQL did not start (${reason}):\n${this.#lastLines.join('\n')}`);
      }
    } catch (error) {
      await this.#endChild();
      this.#child = undefined;
      throw error;
    } finally {
      waiting.abort();
    }
    this.#launchedAt = Date.now();
    void ended.then((how) => {
      this.#child = undefined;
      if (this.#stopping.signal.aborted) return;
      this.#log.error('the database server ended; it is started again', { how, lastLines: this.#lastLines });
      this.#restarting = this.#restart();
    });
  }

  async #restart(): Promise<void> {
    const { signal } = this.#stopping;
    const began = Date.now();
    // One that dies again and again must not be started in a tight loop.
    if (began - this.#launchedAt < MAX_BACKOFF_MS) await sleep(FIRST_BACKOFF_MS, undefined, { signal }).catch(() => {});
    for (let backoff = FIRST_BACKOFF_MS; !signal.aborted; backoff = Math.min(2 * backoff, MAX_BACKOFF_MS)) {
      try {
        await this.#launch();
        this.#log.info('the database server runs again', { afterMs: Date.now() - began });
        return;
      } catch (error) {
        this.#log.error('the database server could not be started again', { cause: error, nextTryMs: backoff });
      }
      await sleep(backoff, undefined, { signal }).catch(() => {});
    }
  }

  async #endChild(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    // Fast shutdown: https://www.postgresql.org/docs/18/server-shutdown.html
    child.kill('SIGINT');
    const late = setTimeout(() => {
      this.#log.error('the database server does not end and is killed; the next start recovers it');
      child.kill('SIGQUIT');
    }, STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(late);
    await this.#lastWords(child);
  }

  /** What an ended server wrote last may still be in the pipe; nothing is heard of it afterwards. */
  async #lastWords(child: ChildProcess): Promise<void> {
    const { stderr } = child;
    if (stderr === null || stderr.closed) return;
    await Promise.race([once(stderr, 'close'), sleep(LAST_WORDS_MS, undefined, { ref: false })]);
    stderr.destroy();
  }

  #hear(line: string): void {
    if (NOT_YET.test(line)) return;
    this.#lastLines = [...this.#lastLines, line].slice(-KEPT_LINES);
    if (line.includes('PANIC:')) this.#log.error('postgres', { line });
    else this.#log.debug('postgres', { line });
  }
}

/** Makes the data directory, whole or not at all. */
async function initialize(launcher: Launcher, data: string, passwordPath: string, log: Logger): Promise<void> {
  const exists = await access(join(data, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (exists) return;
  log.info('making a database, once', { folder: data });
  const unfinished = join(dirname(data), 'data.new');
  await rm(unfinished, { recursive: true, force: true });
  const { command, args, options } = launcher.launch('initdb', [
    `--pgdata=${unfinished}`,
    `--username=${USER}`,
    `--pwfile=${passwordPath}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The same order of text on every machine, whatever locales it has.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    // At once, not file by file.
    '--sync-method=syncfs',
  ]);
  try {
    await run(command, args, { ...options, env: SERVER_ENVIRONMENT });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new Error(`PostgreSQL could not make its folder ${data}: ${said}`, { cause: error });
  }
  await rename(unfinished, data);
}

/** Resolves when the server takes connections, or when nobody waits any more. */
async function waitUntilReady(data: string, pid: number | undefined, signal: AbortSignal): Promise<undefined> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!signal.aborted) {
    const postmaster = await readPostmaster(data);
    if (postmaster?.ready && postmaster.pid === pid) return;
    if (Date.now() > deadline) throw new Error('PostgreSQL starts, and does not come to an end with it');
    await sleep(READY_POLL_MS);
  }
}

async function createDatabase(connection: Connection): Promise<void> {
  const client = new Client({ ...connection, database: 'postgres' });
  client.on('error', () => {});
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [connection.database]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(connection.database)}`);
  } finally {
    await client.end();
  }
}
