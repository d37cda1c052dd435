import type { LogLevel, LogLine } from '@contract/logs.ts';
import { Button } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useEffectEvent, useLayoutEffect, useRef, useState } from 'react';
import { ScrollRegion } from '../../components/scroll-region.tsx';
import { StateBadge, type Tone } from '../../components/state-badge.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './logs.module.css';
import { fieldsText } from './merge-lines.ts';
import { messages } from './messages.ts';

export interface LogViewProps {
  /** Oldest first. */
  lines: readonly LogLine[];
  isFollowing: boolean;
  onFollow: (follows: boolean) => void;
  /** The oldest line is in view. */
  onOldest: () => void;
  onRequest: (id: string) => void;
}

const LINE_PX = 29;
const OVERSCAN = 20;
/** So close to the end is at the end. */
const END_PX = 24;
const TONES: Record<LogLevel, Tone> = { error: 'error', warn: 'warning', info: 'active', debug: 'idle' };

/** The end stays in view until the reader scrolls away from it, and again when they come back. */
export function LogView({ lines, isFollowing, onFollow, onOldest, onRequest }: LogViewProps) {
  const t = useT(messages);
  const { time } = useFormat();
  const scroller = useRef<HTMLElement>(null);
  const lastTop = useRef(0);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    overscan: OVERSCAN,
    getItemKey: (index) => lines[index]?.seq ?? index,
  });
  const items = virtual.getVirtualItems();
  const last = lines.at(-1)?.seq ?? 0;
  const height = virtual.getTotalSize();

  // biome-ignore lint/correctness/useExhaustiveDependencies: each new line and each measured height moves the end
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!isFollowing || element === null) return;
    element.scrollTop = element.scrollHeight;
    lastTop.current = element.scrollTop;
  }, [isFollowing, last, height]);

  const first = items[0]?.index;
  const oldest = useEffectEvent(onOldest);
  useEffect(() => {
    if (first === 0 && !isFollowing) oldest();
  }, [first, isFollowing]);

  // What the reader has not seen: lines behind the last one at the moment of the pause.
  const [seen, setSeen] = useState(last);
  if (isFollowing && seen !== last) setSeen(last);
  const fresh = isFollowing ? 0 : lines.length - (lines.findLastIndex(({ seq }) => seq <= seen) + 1);

  const scrolled = () => {
    const element = scroller.current;
    if (element === null) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < END_PX;
    const wentUp = element.scrollTop < lastTop.current - 1;
    lastTop.current = element.scrollTop;
    if (isAtEnd && !isFollowing) onFollow(true);
    else if (!isAtEnd && wentUp && isFollowing) onFollow(false);
  };

  return (
    <div className={classes.frame}>
      <ScrollRegion ref={scroller} className={classes.lines} label={t('lines')} onScroll={scrolled}>
        <div className={classes.body} style={{ height }}>
          {items.map(({ index, key, start }) => {
            const line = lines[index];
            if (line === undefined) return null;
            const { level, message, request_id: request, fields, at } = line;
            return (
              <div
                key={key}
                ref={virtual.measureElement}
                data-index={index}
                className={classes.line}
                style={{ transform: `translateY(${start}px)` }}
              >
                <time className={classes.time} dateTime={at} title={at}>
                  {time(Date.parse(at) / 1000)}
                </time>
                <span>
                  <StateBadge tone={TONES[level]} word={t(level)} />
                </span>
                <span className={classes.text}>
                  {message} <span className={classes.fields}>{fieldsText(fields)}</span>
                </span>
                {request !== null && (
                  <button
                    type="button"
                    className={classes.request}
                    aria-label={t('onlyRequest', { id: request })}
                    onClick={() => onRequest(request)}
                  >
                    {request}
                  </button>
                )}
              </div>
            );
          })}
        </div>
      </ScrollRegion>
      {fresh > 0 && (
        <div className={classes.fresh}>
          <Button size="compact-sm" onClick={() => onFollow(true)}>
            {t('newLines', { count: fresh })}
          </Button>
        </div>
      )}
    </div>
  );
}
