/** The gateway as an operator starts it: `node backend/src/main.ts` in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { type AdminModel, adminModelList } from '../../backend/src/contract/admin.ts';
import { ADMIN_KEY } from './start-app.ts';
import { createTestDatabase } from './test-database.ts';

const MAIN = fileURLToPath(new URL('../../backend/src/main.ts', import.meta.url));
const FAKE_MODELS = fileURLToPath(new URL('./use-fake-models.ts', import.meta.url));

export interface GatewayProcess {
  url: string;
  pid: number;
  signal(name: NodeJS.Signals): void;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** All it has written to stdout and stderr. */
  output(): string;
  /** `GET /api/admin/models`. */
  model(id?: string): Promise<AdminModel>;
  /** Process id of a model's worker. */
  workerPid(id?: string): Promise<number>;
}

export interface GatewayProcessOptions {
  /** Its data, model cache and logs lie in here. */
  dir: string;
  /** `DATABASE_URL: ''` starts the embedded server; default is a database of its own on the shared one. */
  env?: Record<string, string>;
  /** The project's own list, or (default) the one with the echo model. */
  models?: 'fake' | 'real';
  /** It gets SIGTERM when it writes this to stdout. */
  stopAt?: string;
}

/** @throws with what it said when it ends instead of listening. Killed at the latest when the test ends. */
export async function startGateway({
  dir,
  env = {},
  models = 'fake',
  stopAt,
}: GatewayProcessOptions): Promise<GatewayProcess> {
  const database = 'DATABASE_URL' in env ? undefined : await createTestDatabase();
  const child = spawn(process.execPath, [...(models === 'fake' ? ['--import', FAKE_MODELS] : []), MAIN], {
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      API_PORT: '0',
      DATA_DIR: join(dir, 'data'),
      DATABASE_URL: database?.url ?? '',
      MODEL_CACHE_DIR: join(dir, 'models'),
      LOG_DIR: join(dir, 'logs'),
      FRONTEND_DIST: join(dir, 'no-frontend'),
      ADMIN_API_KEYS: ADMIN_KEY,
      HF_ENDPOINT: 'http://127.0.0.1:9',
      MIN_FREE_DISK_MB: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    await database?.drop();
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (stopAt !== undefined && text.includes(stopAt)) child.kill('SIGTERM');
  });
  const lines = createInterface({ input: child.stderr });
  const listening = Promise.withResolvers<string>();
  lines.on('line', (line) => {
    output += `${line}\n`;
    const url = /listens on (\S+)$/.exec(line)?.[1];
    if (url !== undefined) listening.resolve(url);
  });
  void ended.then(() =>
    listening.reject(new Error(`the gateway ended with ${child.exitCode ?? child.signalCode}: ${output}`)),
  );
  const url = await listening.promise;
  const { pid } = child;
  if (pid === undefined) throw new Error('the gateway has no process id');

  const model = async (id = 'fake/echo') => {
    const response = await fetch(`${url}/api/admin/models`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    const found = adminModelList.parse(await response.json()).data.find((item) => item.id === id);
    if (found === undefined) throw new Error(`the gateway has no ${id}`);
    return found;
  };
  return {
    url,
    pid,
    signal: (name) => void child.kill(name),
    ended,
    output: () => output,
    model,
    workerPid: async (id) => {
      const worker = (await model(id)).replicas[0]?.pid;
      if (typeof worker !== 'number') throw new Error('the model has no worker');
      return worker;
    },
  };
}
