/** The audit log. Every reading of it is itself a row of it: it is read when the reader asks, never by itself. */
import { type AuditRow, auditRow } from '@contract/audit.ts';
import { queryOptions } from '@tanstack/react-query';
import { type AuditVerdict, createAuditVerifier } from '../lib/verify-audit.ts';
import { authorized } from './api.ts';
import { ApiError } from './api-error.ts';
import { addLiveRules } from './live/live-rules.ts';
import { sendRequest, toUnreachable } from './send-request.ts';

export interface AuditLog {
  /** The last ones, newest first. */
  rows: AuditRow[];
  /** Of all rows. */
  count: number;
  /** undefined: this browser has no SHA-256 here (plain HTTP). */
  verdict: AuditVerdict | undefined;
}

const PATH = '/api/admin/audit';
const KEPT = 5_000;
const TIMEOUT_MS = 120_000;
const NEWS_KEY = ['audit-news'];

export const auditQuery = queryOptions({
  queryKey: ['audit'],
  queryFn: ({ signal }) => readAudit(signal),
  staleTime: Number.POSITIVE_INFINITY,
  refetchOnMount: false,
  refetchOnReconnect: false,
  refetchOnWindowFocus: false,
  retry: false,
});

/** `seq` of the last row that an event told of. */
export const auditNewsQuery = queryOptions({
  queryKey: NEWS_KEY,
  queryFn: () => 0,
  staleTime: Number.POSITIVE_INFINITY,
});

addLiveRules({
  'audit.added': ({ rev }, client) => {
    client.setQueryData(auditNewsQuery.queryKey, (before) => Math.max(before ?? 0, rev));
  },
});

async function readAudit(signal: AbortSignal): Promise<AuditLog> {
  const response = await authorized(undefined, (apiKey) =>
    sendRequest(PATH, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      accept: 'application/jsonl',
      apiKey,
    }),
  );
  const verifier = createAuditVerifier();
  let rows: AuditRow[] = [];
  let count = 0;
  for await (const line of linesOf(response)) {
    const row = parseRow(line);
    await verifier?.take(row);
    count += 1;
    rows.push(row);
    if (rows.length >= 2 * KEPT) rows = rows.slice(-KEPT);
  }
  return { rows: rows.slice(-KEPT).reverse(), count, verdict: verifier?.verdict() };
}

function parseRow(line: string): AuditRow {
  const parsed = auditRow.safeParse(JSON.parse(line));
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new ApiError('malformed', `Unexpected answer to GET ${PATH}: ${field}`, { param: field });
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const lines = (rest + chunk.value).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    throw toUnreachable(error);
  }
  if (rest !== '') yield rest;
}
