/** What happens when the container's memory is used up: a request fails, the gateway lives, and more memory mends it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Checks } from './checks.ts';
import type { Container } from './container.ts';
import type { Engine } from './engine.ts';

const MIB = 2 ** 20;

interface MemoryCheck {
  engine: Engine;
  container: Container;
  checks: Checks;
  transcribe: () => Promise<{ status: number; body: string }>;
}

export async function checkMemory({ engine, container, checks, transcribe }: MemoryCheck): Promise<void> {
  const limitTo = (mebibytes: number) =>
    engine.docker('update', '--memory', `${mebibytes}m`, '--memory-swap', `${mebibytes}m`, container.name);
  const gateway = await container.pidOf(/^node .*main\.ts/);
  // The model's worker goes, and with it what it holds; it does not fit again into what is then left.
  await container.kill(/worker-main/);
  await sleep(1000);
  const used = await usedMebibytes(container);
  const room = 40;
  await limitTo(used + room);
  const refused = await transcribe();
  const oomKills = await countOomKills(container);
  await checks.add(
    'out of memory',
    refused.status >= 500 && oomKills > 0,
    `limit ${used + room} MiB: ${refused.status} ${refused.body.slice(0, 200)}, kills ${oomKills}`,
  );
  const same = (await container.pidOf(/^node .*main\.ts/)) === gateway;
  await checks.add('gateway outlives it', same, same ? 'same process' : 'was restarted');
  await limitTo(1024);
  await container.ready();
  const deadline = Date.now() + 30_000;
  let answer = await transcribe();
  while (answer.status !== 200 && Date.now() < deadline) {
    await sleep(500);
    answer = await transcribe();
  }
  await checks.add('enough memory again', answer.status === 200, answer.status);
}

/** Without the page cache, which gives way. */
async function usedMebibytes(container: Container): Promise<number> {
  const text = await container.exec(
    'sh',
    '-c',
    'cat /sys/fs/cgroup/memory.stat /sys/fs/cgroup/memory/memory.stat 2>/dev/null || true',
  );
  const bytes = /^(?:anon|total_rss) (\d+)$/m.exec(text)?.[1];
  if (bytes === undefined) throw new Error('the container does not tell its memory');
  return Math.ceil(Number(bytes) / MIB);
}

async function countOomKills(container: Container): Promise<number> {
  const text = await container.exec(
    'sh',
    '-c',
    'cat /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null || true',
  );
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}
