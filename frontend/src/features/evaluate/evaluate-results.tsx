import type { Job } from '@contract/jobs.ts';
import { useDebouncedValue } from '@mantine/hooks';
import { useQueries, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { evaluationQuery } from '../../api/evaluations.ts';
import { diarizationQuery, jobPeaksQuery, jobTraceQuery, ownJobQuery, transcriptQuery } from '../../api/own-jobs.ts';
import { PlayerBar } from '../../components/audio/player-bar.tsx';
import { useInputPlayer } from '../../components/audio/use-input-player.ts';
import { usePlayerKeys } from '../../components/audio/use-player-keys.ts';
import { Waveform } from '../../components/audio/waveform.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { LoadingSkeleton } from '../../components/loading-skeleton.tsx';
import { Notice } from '../../components/notice.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { type Player, seekBy, togglePlay } from '../../lib/player.ts';
import { markSpeakers, mergeTurns } from '../../lib/speakers.ts';
import classes from './evaluate.module.css';
import type { Reference } from './evaluation-run.ts';
import { messages } from './messages.ts';
import { metricsOf, realTimeFactor } from './metrics.ts';
import { MetricsTable } from './metrics-table.tsx';
import { timeDiff } from './timed-diff.ts';
import { WordDiff } from './word-diff.tsx';

const SIDES = ['A', 'B'] as const;
const TYPING_PAUSE_MS = 500;

/** Both jobs of a comparison: their figures, what differs, and the sound it differs in. */
export function EvaluateResults({ jobs: ids, reference }: { jobs: readonly string[]; reference: Reference }) {
  const t = useT(messages);
  const queries = useQueries({ queries: ids.map((id) => ownJobQuery(id)) });
  const jobs = queries.flatMap(({ data }) => (data === undefined ? [] : [data]));
  const failure = queries.find(({ error }) => error !== null)?.error ?? null;
  const [first] = jobs;
  return (
    <div className={classes.column}>
      {failure !== null && <ErrorCard error={failure} title={t('jobsUnreadable')} />}
      {first === undefined && failure === null && <LoadingSkeleton />}
      <ul className={classes.pair}>
        {jobs.map((job, index) => (
          <li key={job.id} className={classes.card}>
            <div className={classes.line}>
              <strong>{SIDES[index]}</strong>
              <span>{job.model}</span>
              <StateBadge
                tone={job.status === 'succeeded' ? 'ok' : job.status === 'failed' ? 'error' : 'active'}
                word={t(`job_${job.status}`)}
              />
            </div>
            {job.error !== null && <p>{job.error.message}</p>}
          </li>
        ))}
      </ul>
      {first !== undefined && jobs.some(({ status }) => status === 'succeeded') && (
        <Figures key={jobs.length} jobs={jobs} first={first} reference={reference} />
      )}
    </div>
  );
}

/** While the reference is typed, it is held against the results at every pause. */
function Figures({ jobs, first, reference: typed }: { jobs: readonly Job[]; first: Job; reference: Reference }) {
  const t = useT(messages);
  const [reference] = useDebouncedValue(typed, TYPING_PAUSE_MS);
  const isText = first.task !== 'diarization';
  const done = jobs.filter(({ status }) => status === 'succeeded');
  const hypotheses = done.map((job) => ({ label: SIDES[jobs.indexOf(job)] ?? 'A', job_id: job.id }));
  const text = reference.text.trim();
  const isUsable = text !== '' && (reference.kind === 'text') === isText;
  const evaluation = useQuery({
    ...evaluationQuery(
      isText
        ? { kind: 'text', reference: text, hypotheses, normalizer: reference.normalizer }
        : { kind: 'speakers', reference: text, hypotheses },
    ),
    enabled: isUsable,
    placeholderData: (previous) => previous,
  });
  const peaks = useQuery({ ...jobPeaksQuery(first.id, 'input'), enabled: first.input.available });
  const duration = peaks.data?.duration ?? 0;
  const player = useInputPlayer(first, duration);
  usePlayerKeys({ onToggle: () => togglePlay(player), onSeek: (seconds) => seekBy(player, seconds) });
  const traces = useQueries({ queries: done.map(({ id, rev }) => jobTraceQuery(id, rev, false)) });
  const factorOf = (side: number) => {
    const job = jobs[side];
    const trace = job === undefined ? undefined : traces[done.indexOf(job)]?.data;
    return trace === undefined ? undefined : realTimeFactor(trace, duration);
  };
  const results = evaluation.data;
  return (
    <>
      <section className={classes.card} aria-labelledby="figures-heading">
        <h2 id="figures-heading">{t('figures')}</h2>
        {!isUsable && (
          <Notice tone="warning" title={t('referenceGone')}>
            <p>{t('referenceGoneFix')}</p>
          </Notice>
        )}
        {evaluation.error !== null && <ErrorCard error={evaluation.error} onRetry={() => void evaluation.refetch()} />}
        <MetricsTable metrics={metricsOf(bothSides(results, jobs, done), [factorOf(0), factorOf(1)])} />
        {results?.kind === 'text' && <p className={classes.dimmed}>{t(`normalizer_${results.normalizer}`)}</p>}
      </section>
      <section className={classes.card} aria-labelledby="sound-heading">
        <h2 id="sound-heading">{isText ? t('differences') : t('speakers')}</h2>
        {isText && <p className={classes.dimmed}>{t('legend')}</p>}
        {isText && peaks.data !== undefined && (
          <Waveform peaks={peaks.data} player={player} label={t('waveform')} height={56} />
        )}
        {first.input.available && <PlayerBar player={player} withSlider={peaks.data === undefined} />}
        <div className={isText ? classes.pair : classes.column}>
          {done.map((job, index) => {
            const side = SIDES[jobs.indexOf(job)] ?? 'A';
            const found = results?.kind === 'text' ? results.results[index] : undefined;
            return (
              <div key={job.id}>
                <h3>{t('sideOf', { side, model: job.model })}</h3>
                {isText
                  ? found !== undefined && <TextDiff id={job.id} diff={found.diff} side={side} player={player} />
                  : peaks.data !== undefined && (
                      <SpeakerWave id={job.id} peaks={peaks.data} side={side} player={player} />
                    )}
              </div>
            );
          })}
        </div>
      </section>
    </>
  );
}

type Results = Parameters<typeof metricsOf>[0];

/** An evaluation of B alone stands in the second place. */
function bothSides(results: Results, jobs: readonly Job[], done: readonly Job[]): Results {
  if (results === undefined || jobs[0] === done[0]) return results;
  const blank = (list: readonly unknown[]) => [undefined, ...list];
  return { ...results, results: blank(results.results) } as Results;
}

type Diff = Parameters<typeof timeDiff>[0];

function TextDiff({ id, diff, side, player }: { id: string; diff: Diff; side: string; player: Player }) {
  const t = useT(messages);
  const { data } = useQuery(transcriptQuery(id));
  const entries = useMemo(() => {
    const words = data !== undefined && 'words' in data ? (data.words ?? []) : [];
    return timeDiff(diff, words);
  }, [diff, data]);
  return <WordDiff entries={entries} label={t('diffOf', { side })} onSeek={(seconds) => player.seek(seconds)} />;
}

type Peaks = Parameters<typeof Waveform>[0]['peaks'];

function SpeakerWave({ id, peaks, side, player }: { id: string; peaks: Peaks; side: string; player: Player }) {
  const t = useT(messages);
  const { data } = useQuery(diarizationQuery(id));
  const regions = useMemo(() => {
    const turns = data?.segments ?? [];
    const marks = markSpeakers(turns.map(({ speaker }) => speaker));
    return mergeTurns(turns, peaks.duration).map(({ start, end, speaker }) => {
      const { letter = '', series = 1 } = marks.get(speaker) ?? {};
      return { start, end, letter, series };
    });
  }, [data, peaks]);
  return <Waveform peaks={peaks} player={player} regions={regions} label={t('waveformOf', { side })} height={56} />;
}
