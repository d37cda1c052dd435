import type { Job } from '@contract/jobs.ts';
import type { TranscriptWord } from '@contract/transcription.ts';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { jobPeaksQuery } from '../../api/own-jobs.ts';
import { PlayerBar } from '../../components/audio/player-bar.tsx';
import { SpeakerMark } from '../../components/audio/speaker-mark.tsx';
import { useInputPlayer } from '../../components/audio/use-input-player.ts';
import { usePlayerKeys } from '../../components/audio/use-player-keys.ts';
import { Waveform } from '../../components/audio/waveform.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { LoadingSkeleton } from '../../components/loading-skeleton.tsx';
import { Notice } from '../../components/notice.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { seekBy, togglePlay } from '../../lib/player.ts';
import { markSpeakers, mergeTurns } from '../../lib/speakers.ts';
import { messages } from './messages.ts';
import classes from './playground.module.css';
import { linesOfWords, type SegmentLike, transcriptOf } from './transcript.ts';
import { TranscriptView } from './transcript-view.tsx';

export interface TranscriptResultProps {
  job: Job;
  segments: readonly SegmentLike[];
  words: readonly TranscriptWord[];
  /** All that was said, for an answer without segments. */
  text?: string;
  /** Who speaks how long, where that was asked. */
  spoken?: readonly { speaker: string; seconds: number }[] | undefined;
  /** The job goes on, or did not get to its end. */
  isPartial?: boolean;
}

/** Waveform, player and lines of a job that heard speech. */
export function TranscriptResult({
  job,
  segments: given,
  words,
  text = '',
  spoken,
  isPartial = false,
}: TranscriptResultProps) {
  const t = useT(messages);
  const { duration: formatDuration, percent } = useFormat();
  const peaks = useQuery({ ...jobPeaksQuery(job.id, 'input'), enabled: job.input.available });
  const duration = peaks.data?.duration ?? job.progress.total_seconds ?? 0;
  const player = useInputPlayer(job, duration);
  usePlayerKeys({ onToggle: () => togglePlay(player), onSeek: (seconds) => seekBy(player, seconds) });
  const segments = useMemo(() => (given.length > 0 ? given : linesOfWords(text, words)), [given, text, words]);
  const transcript = useMemo(() => transcriptOf(segments, words), [segments, words]);
  const marks = useMemo(
    () => markSpeakers(segments.flatMap(({ speaker }) => (speaker === undefined ? [] : [speaker]))),
    [segments],
  );
  const regions = useMemo(() => {
    const turns = segments.flatMap(({ start, end, speaker }) =>
      speaker === undefined ? [] : [{ start, end, speaker }],
    );
    return mergeTurns(turns, duration).map(({ start, end, speaker }) => ({
      start,
      end,
      letter: marks.get(speaker)?.letter ?? '',
      series: marks.get(speaker)?.series ?? 1,
    }));
  }, [segments, marks, duration]);
  const total = spoken?.reduce((sum, { seconds }) => sum + seconds, 0) ?? 0;
  return (
    <section className={classes.card} aria-labelledby="result-heading">
      <div className={classes.line}>
        <h2 id="result-heading">{isPartial ? t('resultSoFar') : t('result')}</h2>
        <span data-end>
          <CopyButton
            value={(given.length > 0 ? given.map((segment) => segment.text).join('') : text).trim()}
            label={t('copyText')}
          />
        </span>
      </div>
      {!job.input.available ? (
        <Notice tone="warning" title={t('inputGone')}>
          <p>{t('inputGoneBody')}</p>
        </Notice>
      ) : (
        <div className={classes.result}>
          {peaks.data !== undefined ? (
            <Waveform peaks={peaks.data} player={player} regions={regions} label={t('waveform')} />
          ) : (
            peaks.error === null && <LoadingSkeleton rows={2} />
          )}
          <PlayerBar player={player} withSlider={peaks.error !== null} />
        </div>
      )}
      {marks.size > 0 && (
        <ul className={classes.legend} aria-label={t('speakers')}>
          {[...marks].map(([speaker, mark]) => {
            const seconds = spoken?.find((each) => each.speaker === speaker)?.seconds;
            return (
              <li key={speaker}>
                <SpeakerMark mark={mark} name={speaker} />
                {seconds !== undefined && `${formatDuration(seconds)} · ${percent(total === 0 ? 0 : seconds / total)}`}
              </li>
            );
          })}
        </ul>
      )}
      {transcript.lines.length === 0 ? (
        text.trim() === '' ? (
          <EmptyState>{t('noSpeech')}</EmptyState>
        ) : (
          // Without times.
          <p className={classes.plain}>{text.trim()}</p>
        )
      ) : (
        <TranscriptView transcript={transcript} speakers={marks} player={player} />
      )}
    </section>
  );
}
