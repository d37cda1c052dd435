import { ActionIcon } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { fileAddress, type ListedJob } from '../../api/jobs.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './jobs.module.css';
import { messages } from './messages.ts';

/** The job's files; each download has a ticket of its own, as a link cannot send the key. */
export function JobArtifacts({ job, isOwn }: { job: ListedJob; isOwn: boolean }) {
  const t = useT(messages);
  const { bytes } = useFormat();
  const offline = useOfflineReason();
  const download = useMutation({
    mutationFn: async (artifact: string | undefined) => {
      const link = document.createElement('a');
      link.href = await fileAddress(job.id, artifact);
      link.download = artifact ?? job.input.name ?? job.id;
      link.click();
    },
  });
  const files = [
    ...(job.input.available
      ? [{ key: 'input', name: job.input.name ?? t('input'), size: job.input.bytes, artifact: undefined }]
      : []),
    ...job.artifacts.map(({ name, bytes: size }) => ({ key: `artifact ${name}`, name, size, artifact: name })),
  ];
  return (
    <>
      {!isOwn && <p className={classes.quiet}>{t('notYours')}</p>}
      {files.length === 0 && <p className={classes.quiet}>{t('noArtifacts')}</p>}
      <ul>
        {files.map(({ key, name, size, artifact }) => (
          <li key={key} className={classes.artifact}>
            <span>
              {name} {size !== null && <span className={classes.quiet}>{bytes(size)}</span>}
            </span>
            {isOwn && (
              <ActionIcon
                aria-label={t('download', { name })}
                title={offline ?? t('download', { name })}
                disabled={offline !== undefined}
                loading={download.isPending && download.variables === artifact}
                onClick={() => download.mutate(artifact)}
              >
                <IconDownload size={18} aria-hidden />
              </ActionIcon>
            )}
          </li>
        ))}
      </ul>
      {download.error !== null && <ErrorCard error={download.error} />}
    </>
  );
}
