/** What has become of the jobs that were acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobEvent } from '../../../backend/src/contract/jobs.ts';
import { ADMIN_HEADERS, type Expected, HEADERS, page } from './load.ts';

/** @returns milliseconds until nothing was unfinished. */
export async function settle(url: string, most: number): Promise<number> {
  const start = Date.now();
  while (Date.now() - start < most) {
    const left = await page(url, 'status=queued,running&limit=1').catch(() => undefined);
    if (left?.data.length === 0) break;
    await sleep(250);
  }
  return Date.now() - start;
}

export interface Reckoning {
  acknowledged: number;
  lost: number;
  unfinished: number;
  failed: number;
  otherText: number;
  endedTwice: number;
  /** Committed, their acknowledgement lost on the way and never asked for again. */
  unacknowledged: number;
}

export async function reckon(url: string, expected: ReadonlyMap<string, Expected>): Promise<Reckoning> {
  const jobs = new Map<string, Job>();
  for (let after = ''; ; ) {
    const { data, has_more, last_id } = await page(url, `limit=100${after}`);
    for (const job of data) jobs.set(job.id, job);
    if (!has_more) break;
    after = `&after=${last_id}`;
  }
  const result: Reckoning = {
    ...{ acknowledged: expected.size, lost: 0, unfinished: 0, failed: 0, otherText: 0, endedTwice: 0 },
    unacknowledged: [...jobs.keys()].filter((id) => !expected.has(id)).length,
  };
  for (const { id, text } of expected.values()) {
    const job = jobs.get(id);
    if (job === undefined) result.lost += 1;
    else if (job.status === 'queued' || job.status === 'running') result.unfinished += 1;
    else if (job.status !== 'succeeded') result.failed += 1;
    else {
      const answer = await fetch(`${url}/v1/jobs/${id}/result`, { headers: HEADERS });
      const made = (await answer.json()) as { text?: string };
      if (made.text !== text) result.otherText += 1;
      if ((await endsOf(url, id)) !== 1) result.endedTwice += 1;
    }
  }
  return result;
}

async function endsOf(url: string, id: string): Promise<number> {
  const answer = await fetch(`${url}/v1/jobs/${id}/events`, { headers: HEADERS });
  const events = [...(await answer.text()).matchAll(/^data: (.*)$/gm)].map(
    ([, data = '']): JobEvent => JSON.parse(data),
  );
  return events.filter((event) => event.type === 'job.status' && event.status === 'succeeded').length;
}

export interface AuditCount {
  created: number;
  ended: number;
  /** Jobs with more than one end, or an end without a beginning. */
  crooked: number;
  /** The chain as `npm run audit:verify` would judge it. */
  intact: boolean;
}

export async function auditOf(url: string): Promise<AuditCount> {
  const answer = await fetch(`${url}/api/admin/audit`, { headers: ADMIN_HEADERS });
  const rows = (await answer.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line): { seq: number; action: string; subject: string; previous_hash: string; hash: string } =>
      JSON.parse(line),
    );
  const created = new Set<string>();
  const ended = new Set<string>();
  let crooked = 0;
  for (const { action, subject } of rows) {
    if (action === 'job.created') created.add(subject);
    else if (action.startsWith('job.')) {
      if (ended.has(subject) || !created.has(subject)) crooked += 1;
      ended.add(subject);
    }
  }
  const intact = rows.every(
    ({ seq, previous_hash: previous }, i) => seq === i + 1 && (i === 0 || previous === rows[i - 1]?.hash),
  );
  return { created: created.size, ended: ended.size, crooked, intact };
}

/** Rows of a table: what was looked for, how often it was found, whether that is right. */
export function verdicts(reckoning: Reckoning, audit: AuditCount): [string, number, boolean][] {
  return [
    ['lost', reckoning.lost, reckoning.lost === 0],
    ['neither finished nor queued in time', reckoning.unfinished, reckoning.unfinished === 0],
    ['failed', reckoning.failed, reckoning.failed === 0],
    ['with another text', reckoning.otherText, reckoning.otherText === 0],
    ['ended more than once', reckoning.endedTwice, reckoning.endedTwice === 0],
    ['without a straight line in the audit log', audit.crooked, audit.crooked === 0],
    ['breaks in the audit chain', audit.intact ? 0 : 1, audit.intact],
  ];
}
