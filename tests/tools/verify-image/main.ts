/** `npm run verify:image`: really builds the image and runs it, on stand-in bases, in an engine of its own. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { aptInstall } from '../../support/apt-install.ts';
import { hasShared } from '../../support/shared.ts';
import { parseCommandLine, runTool, UsageError } from '../command-line.ts';
import { printReport } from '../report.ts';
import type { Row } from './checks.ts';
import { CGROUP } from './engine.ts';

const run = promisify(execFile);

const USAGE = `Usage: npm run verify:image -- [--work FOLDER] [--json]

Builds both targets (ORT_CUDA=0) by build_docker.sh, starts the image by run_docker.sh, and looks: health, user, read-only
root, a transcription, lack of memory, signals, secrets. Debian's docker.io runs in namespaces with data of its own, on
Debian images in the place of the Dockerfile's; it is installed where it is missing. Needs root, Debian, 8 GB of disk
and, for the transcription, ../shared. Takes some three minutes.

  --work FOLDER  keeps images and caches there for the next time; default: everything is removed
  --json         a last line with {"name", "pass", "figures"}`;

/** Debian package by the program it is needed for. */
const PROGRAMS = { dockerd: 'docker.io', mmdebstrap: 'mmdebstrap', iptables: 'iptables', ip: 'iproute2' };

await runTool(async (args) => {
  const values = parseCommandLine(args, { work: { type: 'string' }, json: { type: 'boolean' } } as const, USAGE);
  if (process.getuid?.() !== 0) throw new UsageError('verify:image needs root: a Docker engine of its own');
  if (!hasShared) throw new UsageError('verify:image needs the models in ../shared');
  await installPrograms();
  const work = values.work === undefined ? await mkdtemp(join(tmpdir(), 'verify-image-')) : resolve(values.work);
  await mkdir(work, { recursive: true });
  try {
    const built = await runPhase('build', work, []);
    // A network of its own: bridges, published ports and firewall rules stay off this machine's.
    const ran = built.ok ? await runPhase('run', work, ['--net']) : { ok: false, rows: [] };
    const rows = [...built.rows, ...ran.rows];
    const pass = built.ok && ran.ok && rows.every(({ ok }) => ok);
    const table = [['check', 'seen', ''], ...rows.map(({ check, seen, ok }) => [check, seen, ok ? 'ok' : 'MISSED'])];
    const figures = { checks: rows.length, missed: rows.filter(({ ok }) => !ok).length };
    printReport({ name: 'verify-image', pass, figures, table }, { json: values.json ?? false });
    return pass;
  } finally {
    await removeCgroups();
    // What was killed may hold its mounts for a moment.
    if (values.work === undefined) await rm(work, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  }
});

async function installPrograms(): Promise<void> {
  for (const [program, name] of Object.entries(PROGRAMS)) {
    const present = await run('which', [program]).then(
      () => true,
      () => false,
    );
    if (!present) await aptInstall(name);
  }
}

/** The engine leaves its own, empty: one, or one for each resource. */
async function removeCgroups(): Promise<void> {
  const root = '/sys/fs/cgroup';
  for (const resource of ['', ...(await readdir(root))]) {
    const folder = join(root, resource, CGROUP);
    const children = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const child of children) if (child.isDirectory()) await rmdir(join(folder, child.name)).catch(() => {});
    await rmdir(folder).catch(() => {});
  }
}

/** A phase's mounts and processes end with it, however it ends: both are in namespaces of its own. */
async function runPhase(name: 'build' | 'run', work: string, more: string[]): Promise<{ ok: boolean; rows: Row[] }> {
  const script = fileURLToPath(new URL(`${name}-phase.ts`, import.meta.url));
  const namespaces = [
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    ...more,
  ];
  const report = join(work, `${name}.json`);
  await rm(report, { force: true });
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const phase = spawn('unshare', [...namespaces, process.execPath, script, work], {
    stdio: ['ignore', 'inherit', 'inherit'],
    signal: interrupted.signal,
    killSignal: 'SIGKILL',
  });
  const [code] = await once(phase, 'exit');
  const rows: Row[] = JSON.parse(await readFile(report, 'utf8').catch(() => '[]'));
  return { ok: code === 0, rows };
}
