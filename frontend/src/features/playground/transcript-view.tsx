import { Button } from '@mantine/core';
import { IconAlertTriangle, IconArrowDown } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type MouseEvent, type RefObject, useRef, useState } from 'react';
import { SpeakerMark } from '../../components/audio/speaker-mark.tsx';
import { clearWordCursor, moveWordCursor } from '../../components/audio/word-cursor.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { type Player, usePaused, useTick } from '../../lib/player.ts';
import type { SpeakerMark as Mark } from '../../lib/speakers.ts';
import { messages } from './messages.ts';
import { riskReason } from './risk-reason.ts';
import { activePiece, type Line, lastStarted, type Transcript } from './transcript.ts';
import classes from './transcript-view.module.css';

export interface TranscriptViewProps {
  transcript: Transcript;
  speakers: ReadonlyMap<string, Mark>;
  player: Player;
}

const ROW_PX = 56;
/** Scrolling with these is the reader's doing, not the page's. */
const SCROLL_KEYS = new Set(['PageUp', 'PageDown', 'Home', 'End', 'ArrowUp', 'ArrowDown']);

/** Lines under the waveform: the one that sounds is marked, and kept in view until the reader scrolls. */
export function TranscriptView({ transcript, speakers, player }: TranscriptViewProps) {
  const t = useT(messages);
  const scroller = useRef<HTMLDivElement>(null);
  const [follows, setFollows] = useState(true);
  const paused = usePaused(player);
  const { lines } = transcript;
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
  });
  useMarks({
    transcript,
    player,
    scroller,
    onLine: (line) => follows && rows.scrollToIndex(line, { align: 'center' }),
  });

  const seekTo = (piece: HTMLElement | null) => {
    const start = transcript.starts[Number(piece?.dataset.piece)];
    if (start !== undefined) player.seek(start);
  };
  const stopFollowing = () => setFollows(false);
  return (
    <div className={classes.frame}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a click anywhere in a line seeks; the lines take the keys */}
      <div
        ref={scroller}
        className={classes.list}
        onClick={(event: MouseEvent) => {
          if (getSelection()?.isCollapsed === false) return;
          seekTo((event.target as HTMLElement).closest<HTMLElement>('[data-piece]'));
        }}
        onWheel={stopFollowing}
        onTouchMove={stopFollowing}
        onPointerDown={(event) => event.target === scroller.current && stopFollowing()}
        onKeyDown={(event) => SCROLL_KEYS.has(event.key) && stopFollowing()}
      >
        <ul className={classes.canvas} style={{ height: rows.getTotalSize() }} aria-label={t('transcript')}>
          {rows.getVirtualItems().map(({ index, start, key }) => {
            const line = lines[index];
            return (
              line !== undefined && (
                <li
                  key={key}
                  ref={rows.measureElement}
                  data-index={index}
                  className={classes.line}
                  style={{ transform: `translateY(${start}px)` }}
                  aria-setsize={lines.length}
                  aria-posinset={index + 1}
                >
                  <LineText line={line} speaker={line.speaker} mark={markOf(line, speakers)} onSeek={seekTo} />
                </li>
              )
            );
          })}
        </ul>
      </div>
      {!follows && !paused && (
        <Button
          className={classes.resume}
          size="compact-md"
          leftSection={<IconArrowDown size={16} aria-hidden />}
          onClick={() => {
            setFollows(true);
            rows.scrollToIndex(Math.max(0, lastStarted(transcript.lineStarts, player.time)), { align: 'center' });
          }}
        >
          {t('resumeFollowing')}
        </Button>
      )}
    </div>
  );
}

interface LineTextProps {
  line: Line;
  speaker: string | undefined;
  mark: Mark | undefined;
  onSeek: (piece: HTMLElement | null) => void;
}

function LineText({ line, speaker, mark, onSeek }: LineTextProps) {
  const t = useT(messages);
  const { clock } = useFormat();
  const isRisky = line.risk.length > 0;
  return (
    <>
      <span className={classes.time}>{clock(line.start)}</span>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for controls */}
      <div
        role="group"
        aria-label={t('lineAt', { time: clock(line.start) })}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: one tab stop for each line; arrow keys move between its words
        tabIndex={0}
        className={classes.text}
        onKeyDown={(event) => moveWordCursor(event, '[data-piece]', onSeek)}
        onBlur={(event) => clearWordCursor(event.currentTarget)}
      >
        {mark !== undefined && speaker !== undefined && <SpeakerMark mark={mark} name={speaker} />}
        <span className={isRisky ? classes.risky : undefined}>
          {line.pieces.map(({ index, text }) => (
            <span key={index} data-piece={index} className={classes.piece}>
              {text}
            </span>
          ))}
        </span>
      </div>
      {isRisky && (
        <span className={classes.risk}>
          <IconAlertTriangle size={16} aria-hidden />
          {line.risk.map((flag) => riskReason(t, flag)).join(' · ')}
        </span>
      )}
    </>
  );
}

interface MarksOptions {
  transcript: Transcript;
  player: Player;
  scroller: RefObject<HTMLDivElement | null>;
  /** Another line sounds. */
  onLine: (line: number) => void;
}

/** Marks the word and the line that sound, by attributes: at every frame, and never through React. */
function useMarks({ transcript, player, scroller, onLine }: MarksOptions): void {
  const active = useRef<HTMLElement>(null);
  const current = useRef<HTMLElement>(null);
  const line = useRef(-1);
  useTick(player, (time) => {
    const piece = transcript.hasWords ? activePiece(transcript, time) : -1;
    active.current = moveMark(active.current, find(scroller.current, `[data-piece="${piece}"]`), 'active');
    const at = time > 0 || !player.paused ? lastStarted(transcript.lineStarts, time) : -1;
    current.current = moveMark(current.current, find(scroller.current, `[data-index="${at}"]`), 'current');
    if (at !== line.current) {
      line.current = at;
      if (at >= 0) onLine(at);
    }
  });
}

function moveMark(from: HTMLElement | null, to: HTMLElement | null, name: string): HTMLElement | null {
  if (from === to) return to;
  if (from !== null) delete from.dataset[name];
  if (to !== null) to.dataset[name] = '';
  return to;
}

const find = (root: HTMLElement | null, selector: string) => root?.querySelector<HTMLElement>(selector) ?? null;

function markOf({ speaker }: Line, speakers: ReadonlyMap<string, Mark>): Mark | undefined {
  return speaker === undefined ? undefined : speakers.get(speaker);
}
