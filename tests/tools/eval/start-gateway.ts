import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp } from '../../../backend/src/app.ts';
import { loadConfig } from '../../../backend/src/config.ts';

export interface StartedGateway {
  /** With the `/v1`, without a slash at the end. */
  url: string;
  close(): Promise<void>;
}

/**
 * Starts the gateway on a free loopback port of this machine, as configured by the environment, but open to this
 * machine without a key and with data and logs of its own, so that it disturbs no gateway that runs here.
 */
export async function startGateway(): Promise<StartedGateway> {
  const dir = await mkdtemp(join(tmpdir(), 'audio-gateway-eval-'));
  const config = loadConfig({
    ...process.env,
    API_HOST: '127.0.0.1',
    API_PORT: '0',
    OPENAI_API_KEYS: '',
    DATA_DIR: join(dir, 'data'),
    LOG_DIR: join(dir, 'logs'),
  });
  const app = await startApp({ config, console: false });
  return {
    url: `${app.url}/v1`,
    close: async () => {
      await app.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
