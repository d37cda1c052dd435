/** Everything there is of a subject, as lines of JSON: what an erasure would delete. */
import { randomUUID } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { ErasureStore, Subject } from '../store/erasure.ts';
import type { JobRow, JobStore } from '../store/jobs.ts';
import type { ArtifactStore } from './artifacts.ts';
import { publicJobId } from './job-id.ts';

export interface SubjectExportOptions {
  store: ErasureStore;
  jobStore: JobStore;
  artifacts: ArtifactStore;
}

/** Bytes of a file in one line: a multiple of 3, so that the parts' base64 can be joined. */
const PART_BYTES = 3 * 2 ** 18;

/** As callers and the audit log see it. */
export function newExportId(): string {
  return `export_${randomUUID().replaceAll('-', '')}`;
}

/**
 * Lines with their ends. The last one has the type `end` and the counts: without it the export is not complete. A file
 * is one or more lines of type `file`, in order, whose `base64` are joined.
 */
export async function* exportSubject(
  subject: Subject,
  { store, jobStore, artifacts }: SubjectExportOptions,
): AsyncGenerator<string> {
  const counts: Record<string, number> = { job: 0, file: 0 };
  yield line({ type: 'subject', kind: subject.kind, value: subject.value, exported_at: new Date().toISOString() });
  for (let after: string | undefined; ; ) {
    const jobs = await store.jobs(subject, after === undefined ? {} : { after });
    for (const job of jobs) {
      counts.job = (counts.job ?? 0) + 1;
      const job_id = publicJobId(job.id);
      yield line({ type: 'job', job: { ...job, id: job_id, leader: job.leader && publicJobId(job.leader) } });
      for (const event of await jobStore.events(job.id, 0)) yield line({ type: 'event', job_id, ...event });
      for (const window of await jobStore.windows(job.id)) yield line({ type: 'window', job_id, window });
      for (const file of await filesOf(job, jobStore)) {
        counts.file = (counts.file ?? 0) + 1;
        const { key, ...rest } = file;
        for await (const part of partsOf(artifacts, key)) yield line({ type: 'file', job_id, ...rest, ...part });
      }
    }
    after = jobs.at(-1)?.id;
    if (after === undefined) break;
  }
  for await (const { type, row } of store.exportOthers(subject)) {
    counts[type] = (counts[type] ?? 0) + 1;
    yield line({ type, row });
  }
  yield line({ type: 'end', counts });
}

async function filesOf(job: JobRow, jobStore: JobStore) {
  const rows = await jobStore.artifacts([job.id]);
  const files = rows.map(({ key, name, content_type, bytes, sha256 }) => ({ key, name, content_type, bytes, sha256 }));
  if (job.input_key === null) return files;
  const input = { key: job.input_key, name: 'input', file_name: job.input_name };
  return [...files, { ...input, bytes: job.input_bytes, sha256: job.input_sha256 }];
}

async function* partsOf(artifacts: ArtifactStore, key: string): AsyncGenerator<object> {
  let part = 1;
  let waiting: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of await artifacts.get(key)) {
      waiting.push(chunk);
      bytes += chunk.length;
      while (bytes >= PART_BYTES) {
        const joined = Buffer.concat(waiting);
        yield { part: part++, base64: joined.toString('base64', 0, PART_BYTES) };
        waiting = [joined.subarray(PART_BYTES)];
        bytes -= PART_BYTES;
      }
    }
  } catch (error) {
    const isGone = error instanceof GatewayError && error.code === 'artifact_not_found';
    if (!isGone) throw error;
    yield { part, deleted: true };
    return;
  }
  if (bytes > 0 || part === 1) yield { part, base64: Buffer.concat(waiting).toString('base64') };
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
