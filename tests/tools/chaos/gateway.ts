/** The gateway as `npm start` runs it, with its own embedded PostgreSQL, in a process that can be killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { GatewayFolder } from '../bench/gateway-folder.ts';

const MAIN = fileURLToPath(new URL('../../../backend/src/main.ts', import.meta.url));
const FAKE_MODELS = fileURLToPath(new URL('../../support/use-fake-models.ts', import.meta.url));

export const ADMIN_KEY = 'agw-admin-of-the-chaos';

export interface Gateway {
  url: string;
  pid: number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; its workers and its database end with it. */
  stop(): Promise<void>;
}

/** @throws with what it said when it ends instead of listening. */
export async function startGatewayProcess({ env }: Pick<GatewayFolder, 'env'>): Promise<Gateway> {
  const child = spawn(process.execPath, ['--import', FAKE_MODELS, MAIN], {
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      SHUTDOWN_GRACE_SECONDS: '5',
      ADMIN_API_KEYS: ADMIN_KEY,
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close');
  let said = '';
  const listening = Promise.withResolvers<string>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    said = `${said}${line}\n`.slice(-10_000);
    const url = /listens on (\S+)$/.exec(line)?.[1];
    if (url !== undefined) listening.resolve(url);
  });
  void ended.then(() => listening.reject(new Error(`the gateway ended: ${said}`)));
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    child.kill(signal);
    await ended;
  };
  const url = await listening.promise;
  return { url, pid: child.pid ?? Number.NaN, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}
