/** The gateway that `ui` looks at: the built dashboard, eight fake GPUs, a long list of jobs. */
import { createFakeDgx } from '../../support/fake-dgx.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { AUTHORIZATION, createGatewayFolder } from './gateway-folder.ts';
import { startServer } from './server-process.ts';
import { submitJob } from './submit-job.ts';

export const ADMIN_KEY = 'agw-admin-of-the-benchmark';
const SENDERS = 8;
/** The last of the jobs: as many run as the gateway lets, the others wait. */
const UNFINISHED = 50;
const JOBS_TIMEOUT_MS = 120_000;

export interface UiGateway extends AsyncDisposable {
  url: string;
}

export async function startUiGateway(dist: string): Promise<UiGateway> {
  await using starting = new AsyncDisposableStack();
  const dgx = starting.adopt(await createFakeDgx(), (made) => made.remove());
  const folder = starting.use(await createGatewayFolder());
  const env = {
    ...folder.env,
    ADMIN_API_KEYS: ADMIN_KEY,
    FRONTEND_DIST: dist,
    NVIDIA_SMI: dgx.path,
    SHUTDOWN_GRACE_SECONDS: '1',
  };
  const { url } = starting.use(await startServer('./gateway-server.ts', { env }));
  const stack = starting.move();
  return { url, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Sends so many jobs, and waits until all but the last 50 are done; those run and wait. */
export async function fillJobs(url: string, count: number): Promise<void> {
  let left = Math.max(0, count - UNFINISHED);
  let last = '';
  const sender = async () => {
    while (left > 0) {
      left -= 1;
      last = await submitJob(url, `say:${left}`);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
  await waitUntil(
    'the jobs are done',
    async () => {
      const response = await fetch(`${url}/v1/jobs/${last}`, { headers: { authorization: AUTHORIZATION } });
      return ((await response.json()) as { status: string }).status === 'succeeded';
    },
    { timeoutMs: JOBS_TIMEOUT_MS },
  );
  for (let sent = 0; sent < Math.min(count, UNFINISHED); sent += 1) await submitJob(url, `sleep:${3_600_000 + sent}`);
}
