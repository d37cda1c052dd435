import type { AdminModel } from '@contract/admin.ts';
import { Group, Progress } from '@mantine/core';
import { downloadPercent } from '../../lib/download-percent.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './models.module.css';

export function ModelFiles({ files }: Pick<AdminModel, 'files'>) {
  const t = useT(messages);
  const { bytes } = useFormat();
  switch (files.state) {
    case 'absent':
      return <p className={classes.quiet}>{t('notOnDisk')}</p>;
    case 'present':
      return <p>{files.total_bytes > 0 ? t('onDiskBytes', { bytes: bytes(files.total_bytes) }) : t('onDisk')}</p>;
    case 'failed':
      return <p className={classes.reason}>{t('downloadFailed', { reason: files.reason ?? t('noReason') })}</p>;
    case 'downloading':
      return <Download bytes={files.bytes} totalBytes={files.total_bytes} />;
  }
}

function Download({ bytes, totalBytes }: { bytes: number; totalBytes: number }) {
  const t = useT(messages);
  const format = useFormat();
  const percent = downloadPercent(bytes, totalBytes);
  if (percent === undefined) {
    return (
      <>
        <progress aria-label={t('download')} />
        <p>{format.bytes(bytes)}</p>
      </>
    );
  }
  return (
    <>
      <Progress.Root>
        <Progress.Section value={percent} aria-label={t('download')} />
      </Progress.Root>
      <Group justify="space-between" gap="sm">
        <span>{t('ofTotal', { done: format.bytes(bytes), total: format.bytes(totalBytes) })}</span>
        <span>{format.percent(percent / 100)}</span>
      </Group>
    </>
  );
}
