import { type JobEvent, jobEvent } from '@contract/jobs.ts';
import { useEffect, useState } from 'react';
import { followEvents } from '../../api/live/follow-events.ts';
import { currentKey } from '../../api/session.ts';
import { ScrollRegion } from '../../components/scroll-region.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './jobs.module.css';
import { messages } from './messages.ts';

/** Progress of a long file comes often; the last events say enough. */
const KEPT = 200;
const LAST = new Set<string>(['succeeded', 'failed', 'cancelled']);

/** What the job tells while it is done; the stream ends with it. */
export function JobEvents({ id }: { id: string }) {
  const t = useT(messages);
  const { duration, percent } = useFormat();
  const [events, setEvents] = useState<readonly JobEvent[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    setEvents([]);
    followEvents({
      path: `/v1/jobs/${encodeURIComponent(id)}/events`,
      apiKey: currentKey(),
      signal: stop.signal,
      onEvent: (data) => {
        const event = jobEvent.safeParse(data);
        if (!event.success) return;
        setEvents((before) => [...before.slice(1 - KEPT), event.data]);
        if (event.data.type === 'job.status' && LAST.has(event.data.status)) stop.abort();
      },
      onDown: () => {},
    }).catch(() => {
      // Refused: the page itself says so.
    });
    return () => stop.abort();
  }, [id]);

  const words = (event: JobEvent): string => {
    switch (event.type) {
      case 'job.status':
        return event.error === null ? t(event.status) : `${t(event.status)}: ${event.error.message}`;
      case 'job.placed':
        return t('eventPlaced', { device: event.device });
      case 'job.stage':
        return t('eventStage', { stage: event.stage, percent: percent(event.done) });
      case 'job.progress':
        return t('eventProgress', { done: duration(event.processed_seconds) });
    }
  };
  if (events.length === 0) return <p className={classes.quiet}>{t('noEvents')}</p>;
  return (
    <ScrollRegion as="ol" className={classes.events} label={t('events')}>
      {events.map((event, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are only ever added
        <li key={index}>{words(event)}</li>
      ))}
    </ScrollRegion>
  );
}
