/** The gateway's log: what it still has, and each line as it is written, while somebody looks. */
import { adminEvent } from '@contract/admin.ts';
import { type LogLevel, type LogLine, logLineList } from '@contract/logs.ts';
import { infiniteQueryOptions } from '@tanstack/react-query';
import { api, defineRoute } from './api.ts';
import { isKeyRefusal } from './api-error.ts';
import { followEvents } from './live/follow-events.ts';
import { Ring } from './live/ring.ts';
import { currentKey, expireSession, subscribeSession } from './session.ts';

export interface LogFilters {
  request_id?: string | undefined;
  level?: LogLevel | undefined;
  q?: string | undefined;
}

const getLogs = defineRoute({ method: 'GET', path: '/api/admin/logs', answer: logLineList });
const PAGE = 500;
/** Lines that come in a burst are drawn together. */
const GATHER_MS = 100;

/** As many as the gateway itself keeps. */
export const logLines = new Ring<LogLine>(5_000);
subscribeSession(() => {
  if (currentKey() === undefined) logLines.clear();
});

/** Newest first, page by page. */
export function logsQuery(filters: LogFilters) {
  return infiniteQueryOptions({
    queryKey: ['logs', filters],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam, signal }) =>
      api(getLogs, { query: { ...filters, before: pageParam, limit: PAGE } }, { signal }),
    getNextPageParam: ({ has_more, data }) => (has_more ? data.at(-1)?.seq : undefined),
    // The stream brings what comes after; a refetch follows when it was cut.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

export interface FollowLogsOptions {
  signal: AbortSignal;
  onState: (isOpen: boolean) => void;
  /** Lines may have been missed: the log is to be read again. */
  onGap: () => void;
}

/** Adds new lines to the ring until the signal aborts. */
export async function followLogs({ signal, onState, onGap }: FollowLogsOptions): Promise<void> {
  const apiKey = currentKey();
  let gathered: LogLine[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wasOpen = false;
  const flush = () => {
    timer = undefined;
    logLines.push(...gathered);
    gathered = [];
  };
  signal.addEventListener('abort', () => clearTimeout(timer));
  try {
    await followEvents({
      path: '/api/admin/events?include=logs',
      apiKey,
      signal,
      onEvent: (data) => {
        const event = adminEvent.safeParse(data);
        if (!event.success) return;
        if (event.data.type === 'snapshot' || event.data.type === 'resync') {
          onState(true);
          if (wasOpen) onGap();
          wasOpen = true;
        }
        if (event.data.type !== 'log.line') return;
        gathered.push(event.data.line);
        timer ??= setTimeout(flush, GATHER_MS);
      },
      onDown: () => onState(false),
    });
  } catch (error) {
    onState(false);
    if (apiKey !== undefined && isKeyRefusal(error)) expireSession(apiKey, error);
  }
}
