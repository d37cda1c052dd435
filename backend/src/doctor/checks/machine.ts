/** The machine and its limits: runtime, open files, memory, clock. */
import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import type { DoctorFinding } from '../../contract/doctor.ts';
import { type Check, fail, inWords, ok, warn } from '../check.ts';

/** What the project is tested with. */
const NODE_MAJOR = 26;
/** A request has its socket, its upload and four pipes of two programs; downloads and workers come on top. */
const GOOD_OPEN_FILES = 4_096;
const LEAST_OPEN_FILES = 256;
const GOOD_MEMORY_BYTES = 1.5 * 2 ** 30;
const LEAST_MEMORY_BYTES = 400 * 2 ** 20;
/** When this was written: no clock that is right tells an earlier time. */
const WRITTEN_AT = Date.UTC(2026, 0, 1);
const TIMEOUT_MS = 5_000;

export function machineChecks(): Check[] {
  const simple = (id: string, examineIt: () => DoctorFinding | Promise<DoctorFinding>): Check => ({
    id,
    timeoutMs: TIMEOUT_MS,
    run: async () => [await examineIt()],
  });
  return [
    simple('node', () => examineNode(process.versions.node)),
    simple('limits.open_files', async () =>
      examineOpenFiles(await readFile('/proc/self/limits', 'utf8').catch(() => '')),
    ),
    simple('memory', () => examineMemory(process.availableMemory(), process.constrainedMemory())),
    simple('clock', () => examineClock(new Date())),
  ];
}

export function examineNode(version: string): DoctorFinding {
  const major = Number.parseInt(version, 10);
  if (major >= NODE_MAJOR) return ok('node', `Node ${version}`);
  return warn('node', {
    summary: `Node ${version}; the gateway is tested with ${NODE_MAJOR}.`,
    fix: 'Start it by `npm start`, which takes the Node that npm ci has installed with it.',
  });
}

/** @param limits `/proc/self/limits`; Node has raised the soft limit to the hard one already */
export function examineOpenFiles(limits: string): DoctorFinding {
  const id = 'limits.open_files';
  const text = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  if (text === undefined) return ok(id, 'This system does not tell.');
  const limit = text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
  if (limit >= GOOD_OPEN_FILES) return ok(id, `${text} files may be open`);
  const problem = {
    summary: `Only ${text} files may be open.`,
    fix: `Raise the limit to ${GOOD_OPEN_FILES} at least: \`ulimit -n\`, LimitNOFILE of the systemd unit, or \`docker run --ulimit nofile\`.`,
  };
  return limit < LEAST_OPEN_FILES ? fail(id, problem) : warn(id, problem);
}

/** @param constrained the container's limit; 0 or absurdly large: none */
export function examineMemory(available: number, constrained: number): DoctorFinding {
  const limit = constrained > 0 && constrained < totalmem() ? constrained : totalmem();
  const summary = `${inWords(available)} of ${inWords(limit)} available`;
  if (available >= GOOD_MEMORY_BYTES) return ok('memory', summary);
  const fix = 'Unload models, give the container more memory, or use smaller models or precisions (MODEL_DTYPES).';
  return available < LEAST_MEMORY_BYTES ? fail('memory', { summary, fix }) : warn('memory', { summary, fix });
}

export function examineClock(now: Date): DoctorFinding {
  const summary = `It is ${now.toISOString()}`;
  if (now.getTime() >= WRITTEN_AT) return ok('clock', summary);
  return fail('clock', { summary, fix: 'Set the clock of this machine, best by a time server (NTP).' });
}
