/** What happens when the container's memory is used up: a worker goes, the gateway stays, and the next request brings it back. */
import type { Checks } from './checks.ts';
import type { Container } from './container.ts';

interface MemoryCheck {
  container: Container;
  checks: Checks;
  transcribe: () => Promise<{ status: number; body: string }>;
}

const GATEWAY = /^node .*main\.ts/;
const WORKER = /worker-main/;
/** tail keeps what has no line break: more than any limit. At once, since a slow lack makes all slow and kills nobody. */
const HOG = 'head -c 64G /dev/zero | tail';

/** The container has a limit, and a model is loaded. */
export async function checkMemory({ container, checks, transcribe }: MemoryCheck): Promise<void> {
  const before = { gateway: await container.pidOf(GATEWAY), worker: await container.pidOf(WORKER) };
  await container.exec('sh', '-c', HOG).catch(() => {});
  const left = new Set((await container.processes()).map(({ pid }) => pid));
  await checks.add(
    'out of memory',
    !left.has(before.worker),
    left.has(before.worker) ? 'the worker stayed' : 'the worker went',
  );
  await checks.add('gateway outlives it', left.has(before.gateway), left.has(before.gateway) ? 'same process' : 'gone');
  await container.ready();
  const answer = await transcribe();
  await checks.add('after that', answer.status === 200, `${answer.status}, worker ${await container.pidOf(WORKER)}`);
}
