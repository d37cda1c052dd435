import type { Job } from '@contract/jobs.ts';
import { Button } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { fetchResult, ticketFor } from '../../api/own-jobs.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { saveBlob, saveUrl } from '../../lib/save-blob.ts';
import { messages } from './messages.ts';
import classes from './playground.module.css';

/** Format → what it is called, and the suffix of the file. */
const FORMATS: Record<Job['task'], readonly [format: string, label: string, suffix: string][]> = {
  transcription: [
    ['text', 'TXT', 'txt'],
    ['srt', 'SRT', 'srt'],
    ['vtt', 'VTT', 'vtt'],
    ['json', 'JSON', 'json'],
    ['verbose_json', 'Verbose JSON', 'verbose.json'],
  ],
  translation: [
    ['text', 'TXT', 'txt'],
    ['srt', 'SRT', 'srt'],
    ['vtt', 'VTT', 'vtt'],
    ['json', 'JSON', 'json'],
    ['verbose_json', 'Verbose JSON', 'verbose.json'],
  ],
  diarization: [
    ['rttm', 'RTTM', 'rttm'],
    ['srt', 'SRT', 'srt'],
    ['vtt', 'VTT', 'vtt'],
    ['verbose_json', 'JSON', 'json'],
  ],
  separation: [['zip', 'ZIP', 'zip']],
};

/** The result in every format, and every file that the job left. */
export function Downloads({ job }: { job: Job }) {
  const t = useT(messages);
  const { bytes } = useFormat();
  const offline = useOfflineReason();
  const base = (job.input.name ?? job.id).replace(/\.[^.]+$/, '');
  const save = useMutation({
    mutationFn: async ({ format, name }: { format: string; name: string }) =>
      saveBlob(await fetchResult(job.id, format), name),
  });
  const open = useMutation({
    mutationFn: async ({ url, name }: Job['artifacts'][number]) => saveUrl(await ticketFor(url), name),
  });
  return (
    <section className={classes.card} aria-labelledby="downloads-heading">
      <h2 id="downloads-heading">{t('downloads')}</h2>
      <div className={classes.line}>
        {FORMATS[job.task].map(([format, label, suffix]) => (
          <Button
            key={format}
            variant="default"
            leftSection={<IconDownload size={16} aria-hidden />}
            aria-label={t('downloadAs', { format: label })}
            disabled={offline !== undefined}
            title={offline}
            onClick={() => save.mutate({ format, name: `${base}.${suffix}` })}
          >
            {label}
          </Button>
        ))}
      </div>
      {job.artifacts.length > 0 && (
        <details>
          <summary>{t('files', { count: job.artifacts.length })}</summary>
          <ul>
            {job.artifacts.map((artifact) => (
              <li key={artifact.name} className={classes.line}>
                <Button
                  variant="subtle"
                  size="compact-sm"
                  aria-label={t('downloadFile', { name: artifact.name })}
                  disabled={offline !== undefined}
                  onClick={() => open.mutate(artifact)}
                >
                  {artifact.name}
                </Button>
                <span className={classes.dimmed}>{bytes(artifact.bytes)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {(save.error ?? open.error) !== null && <ErrorCard error={save.error ?? open.error} />}
    </section>
  );
}
