import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { putEchoSnapshot } from '../../support/echo-snapshot.ts';

/** Opens the gateway; the check is part of what is measured. */
export const AUTHORIZATION = 'Bearer sk-key-of-the-benchmark';

export interface GatewayFolder extends AsyncDisposable {
  dir: string;
  /** For a gateway whose state lies in here. */
  env: Record<string, string>;
}

/** A folder with the echo model, removed in the end. */
export async function createGatewayFolder(): Promise<GatewayFolder> {
  const dir = await mkdtemp(join(tmpdir(), 'audio-gateway-bench-'));
  await putEchoSnapshot(join(dir, 'models'));
  return {
    dir,
    env: {
      API_HOST: '127.0.0.1',
      API_PORT: '0',
      OPENAI_API_KEYS: AUTHORIZATION.replace('Bearer ', ''),
      DATA_DIR: join(dir, 'data'),
      MODEL_CACHE_DIR: join(dir, 'models'),
      LOG_DIR: join(dir, 'logs'),
      HF_ENDPOINT: 'http://127.0.0.1:9',
      MIN_FREE_DISK_MB: '0',
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true, maxRetries: 3 }),
  };
}
