import type { Job } from '@contract/jobs.ts';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { diarizationQuery, isOver, jobPartialQuery, separationQuery, transcriptQuery } from '../../api/own-jobs.ts';
import { QueryView } from '../../components/query-view.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { Downloads } from './downloads.tsx';
import { messages } from './messages.ts';
import { StemsResult } from './stems-result.tsx';
import { TranscriptResult } from './transcript-result.tsx';

/** What there is of the job: all of it, or what came before it failed. */
export function JobResult({ job }: { job: Job }) {
  const isText = job.task === 'transcription' || job.task === 'translation';
  if (job.status === 'succeeded') {
    return (
      <>
        {isText && <FinishedText job={job} />}
        {job.task === 'diarization' && <FinishedSpeakers job={job} />}
        {job.task === 'separation' && <FinishedStems job={job} />}
        <Downloads job={job} />
      </>
    );
  }
  return isText && (job.status === 'running' || isOver(job)) ? <TextSoFar job={job} /> : null;
}

const NOTHING: readonly never[] = [];

function FinishedText({ job }: { job: Job }) {
  const t = useT(messages);
  const query = useQuery(transcriptQuery(job.id));
  return (
    <QueryView query={query} errorTitle={t('resultUnreadable')}>
      {(result) => (
        <TranscriptResult
          job={job}
          segments={result.segments ?? NOTHING}
          text={result.text}
          words={'words' in result ? (result.words ?? NOTHING) : NOTHING}
          spoken={'speakers' in result ? result.speakers : undefined}
        />
      )}
    </QueryView>
  );
}

function FinishedSpeakers({ job }: { job: Job }) {
  const t = useT(messages);
  const query = useQuery(diarizationQuery(job.id));
  return (
    <QueryView query={query} errorTitle={t('resultUnreadable')}>
      {(result) => <Turns job={job} turns={result.segments} spoken={result.speakers} />}
    </QueryView>
  );
}

function Turns({
  job,
  turns,
  spoken,
}: {
  job: Job;
  turns: readonly { start: number; end: number; speaker: string; confidence: number }[];
  spoken: { speaker: string; seconds: number }[];
}) {
  const t = useT(messages);
  const segments = useMemo(
    () =>
      turns.map(({ confidence, ...turn }) => ({
        ...turn,
        text: t('speaks', { speaker: turn.speaker, percent: Math.round(100 * confidence) }),
      })),
    [turns, t],
  );
  return <TranscriptResult job={job} segments={segments} words={NOTHING} spoken={spoken} />;
}

function FinishedStems({ job }: { job: Job }) {
  const t = useT(messages);
  const query = useQuery(separationQuery(job.id));
  return (
    <QueryView query={query} errorTitle={t('resultUnreadable')}>
      {(result) => <StemsResult job={job} result={result} />}
    </QueryView>
  );
}

function TextSoFar({ job }: { job: Job }) {
  const { data } = useQuery(jobPartialQuery(job.id, job.rev));
  if (data === undefined || data.segments.length === 0) return null;
  return <TranscriptResult job={job} segments={data.segments} words={NOTHING} isPartial />;
}
