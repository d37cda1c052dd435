/** The real gateway on a free port, in this process, with folders of its own that vanish with the test. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, startApp } from '../../backend/src/app.ts';
import { loadConfig } from '../../backend/src/config.ts';
import { type FakeHub, startFakeHub } from './fake-hub.ts';
import { FAKE_MODEL_LIST } from './fake-models/index.ts';
import { hasShared, SHARED_ROOT } from './shared.ts';
import { createTestDatabase } from './test-database.ts';

export interface TestApp extends App {
  dir: string;
  hub: FakeHub | undefined;
  adminKey: string;
  databaseUrl: string;
}

export interface TestAppOptions {
  env?: Record<string, string>;
  /** Serve ../shared/hub as the Hugging Face hub, where it is present. */
  withHub?: boolean;
  modelListUrl?: string;
}

export const ADMIN_KEY = 'agw-admin-of-the-tests';

/** The caller closes it (`afterAll(() => app.close())`). */
export async function startTestApp({
  env = {},
  withHub = false,
  modelListUrl = FAKE_MODEL_LIST,
}: TestAppOptions = {}): Promise<TestApp> {
  const dir = await mkdtemp(join(tmpdir(), 'audio-gateway-app-'));
  const hub = withHub && hasShared ? await startFakeHub({ root: join(SHARED_ROOT, 'hub') }) : undefined;
  await putEchoModel(join(dir, 'models'));
  const database = await createTestDatabase();
  const config = loadConfig({
    ...CHILD_ENVIRONMENT,
    API_PORT: '0',
    DATA_DIR: join(dir, 'data'),
    DATABASE_URL: database.url,
    MODEL_CACHE_DIR: join(dir, 'models'),
    LOG_DIR: join(dir, 'logs'),
    FRONTEND_DIST: join(dir, 'no-frontend'),
    ADMIN_API_KEYS: ADMIN_KEY,
    // Nothing in a test may depend on the machine's GPUs, or reach the real hub.
    NVIDIA_SMI: join(dir, 'no-driver', 'nvidia-smi'),
    HF_ENDPOINT: hub?.url ?? 'http://127.0.0.1:9',
    SHUTDOWN_GRACE_SECONDS: '1',
    MIN_FREE_DISK_MB: '0',
    ...env,
  });
  const cleanUp = async () => {
    await hub?.close();
    await database.drop();
    await rm(dir, { recursive: true, force: true });
  };
  const app = await startApp({ config, modelListUrl, console: false }).catch(async (error: unknown) => {
    await cleanUp();
    throw error;
  });
  return {
    ...app,
    dir,
    hub,
    adminKey: ADMIN_KEY,
    databaseUrl: config.databaseUrl ?? database.url,
    close: async () => {
      await app.close();
      await cleanUp();
    },
  };
}

const CHILD_ENVIRONMENT = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };

/** The fake model's one file, laid down as a download would have left it. */
async function putEchoModel(cacheDir: string): Promise<void> {
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const repo = join(cacheDir, 'models--fake--echo');
  await mkdir(join(repo, 'snapshots', commit), { recursive: true });
  await mkdir(join(repo, 'refs'), { recursive: true });
  await writeFile(join(repo, 'snapshots', commit, 'marker.txt'), 'echo\n');
  await writeFile(join(repo, 'refs', 'main'), commit);
}
