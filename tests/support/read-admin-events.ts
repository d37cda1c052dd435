/** `/api/admin/events` as it comes, until the test is over. */
import { createParser } from 'eventsource-parser';
import { expect, onTestFinished } from 'vitest';
import type { AdminEvent } from '../../backend/src/contract/admin.ts';
import { ADMIN_KEY } from './start-app.ts';

/** Members of the union that may have this type. */
type EventOf<T, E = AdminEvent> = E extends { type: infer U } ? (T extends U ? E : never) : never;

export interface AdminEvents {
  /** All that came, in order. */
  all: AdminEvent[];
  of<T extends AdminEvent['type']>(type: T): EventOf<T>[];
  /** Of the last event that has one. */
  lastId: string | undefined;
  stop(): void;
}

export async function readAdminEvents(
  api: { fetch: typeof fetch },
  { query = '', lastId }: { query?: string; lastId?: string } = {},
): Promise<AdminEvents> {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const response = await api.fetch(`/api/admin/events${query}`, {
    signal: stop.signal,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
  });
  expect(response.status).toBe(200);
  const all: AdminEvent[] = [];
  const events: AdminEvents = {
    all,
    of: <T extends AdminEvent['type']>(type: T) => all.filter((event) => event.type === type) as EventOf<T>[],
    lastId: undefined,
    stop: () => stop.abort(),
  };
  const parser = createParser({
    onEvent: ({ data, id }) => {
      all.push(JSON.parse(data));
      if (id !== undefined) events.lastId = id;
    },
  });
  const follow = async () => {
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) parser.feed(text);
  };
  void follow().catch(() => {});
  return events;
}
