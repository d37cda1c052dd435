import type { JobStage, JobStatus } from '@contract/jobs.ts';
import { IconCheck, IconProgress, IconX } from '@tabler/icons-react';
import type { Translate } from '../../lib/i18n/translate.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import type en from './messages.en.ts';
import { messages } from './messages.ts';
import classes from './playground.module.css';

/** What the job went through, with the time each stage took. */
export function JobStages({ stages, status }: { stages: readonly JobStage[]; status: JobStatus }) {
  const t = useT(messages);
  const { duration } = useFormat();
  if (stages.length === 0) return null;
  return (
    <ol className={classes.stages} aria-label={t('stages')}>
      {stages.map((stage, index) => {
        const isLast = index === stages.length - 1;
        const hasFailed = isLast && (status === 'failed' || status === 'cancelled');
        const Icon = hasFailed ? IconX : stage.seconds === null ? IconProgress : IconCheck;
        return (
          <li key={`${stage.attempt} ${stage.name} ${stage.started_at}`} className={classes.stage}>
            <Icon size={16} aria-hidden />
            <span>
              {stageName(t, stage.name)}
              {stage.attempt > 1 && ` · ${t('attempt', { number: stage.attempt })}`}
            </span>
            <span className={classes.dimmed}>{stage.seconds === null ? t('underWay') : duration(stage.seconds)}</span>
          </li>
        );
      })}
    </ol>
  );
}

const NAMES = {
  queued: 'stage_queued',
  preparing: 'stage_preparing',
  decoding: 'stage_decoding',
  separation: 'stage_separation',
  transcription: 'stage_transcription',
  translation: 'stage_translation',
  segmentation: 'stage_segmentation',
  embedding: 'stage_embedding',
  clustering: 'stage_clustering',
  diarization: 'stage_diarization',
} as const;

export function stageName(t: Translate<typeof en>, name: string): string {
  return name in NAMES ? t(NAMES[name as keyof typeof NAMES]) : name;
}
