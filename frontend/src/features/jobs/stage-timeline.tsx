import type { JobStage } from '@contract/jobs.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './jobs.module.css';
import { messages } from './messages.ts';
import { stageSpans } from './stage-spans.ts';

/** Each stage where it lies in the job's time, with how long it took and where. @param now Unix seconds */
export function StageTimeline({ stages, now }: { stages: readonly JobStage[]; now: number }) {
  const t = useT(messages);
  const { duration } = useFormat();
  if (stages.length === 0) return <p className={classes.quiet}>{t('noStages')}</p>;
  return (
    <ol>
      {stageSpans(stages, now).map(({ name, attempt, device, seconds, elapsedSeconds, offset, width }) => (
        <li key={`${attempt} ${name} ${offset}`} className={classes.stage}>
          <span>
            {STAGES[name] === undefined ? name : t(STAGES[name])}
            {device !== null && <span className={classes.quiet}> · {device}</span>}
            {attempt > 1 && <span className={classes.quiet}> · {t('attemptNumber', { number: attempt })}</span>}
          </span>
          <span className={classes.track} aria-hidden>
            <span
              className={classes.bar}
              data-kind={name === 'queued' || name === 'preparing' ? 'waiting' : 'working'}
              style={{ insetInlineStart: `${Math.min(99, offset * 100)}%`, width: `${width * 100}%` }}
            />
          </span>
          <span className={classes.seconds}>
            {duration(elapsedSeconds)}
            {seconds === null && <span className={classes.quiet}> {t('ongoing')}</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}

const STAGES: Record<
  string,
  'stageQueued' | 'stagePreparing' | 'transcription' | 'translation' | 'diarization' | 'separation'
> = {
  queued: 'stageQueued',
  preparing: 'stagePreparing',
  transcription: 'transcription',
  translation: 'translation',
  diarization: 'diarization',
  separation: 'separation',
};
