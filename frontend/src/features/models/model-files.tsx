import type { AdminModel } from '@contract/admin.ts';
import { Group, Progress } from '@mantine/core';
import { StateBadge } from '../../components/state-badge.tsx';
import { downloadPercent } from '../../lib/download-percent.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { downloadPace } from './download-pace.ts';
import { messages } from './messages.ts';
import classes from './models.module.css';

type Files = AdminModel['files'];

export function ModelFiles({ files }: { files: Files }) {
  const t = useT(messages);
  const { bytes } = useFormat();
  if (files.state === 'downloading' || files.download?.phase === 'paused') return <Download files={files} />;
  switch (files.state) {
    case 'absent':
      return <p className={classes.quiet}>{t('notOnDisk')}</p>;
    case 'present':
      return <p>{files.total_bytes > 0 ? t('onDiskBytes', { bytes: bytes(files.total_bytes) }) : t('onDisk')}</p>;
    case 'failed':
      return <p className={classes.reason}>{t('downloadFailed', { reason: files.reason ?? t('noReason') })}</p>;
  }
}

function Download({ files }: { files: Files }) {
  const t = useT(messages);
  const format = useFormat();
  const { bytes, total_bytes: totalBytes, download } = files;
  const percent = downloadPercent(bytes, totalBytes);
  return (
    <div className={classes.download}>
      {percent === undefined ? (
        <progress aria-label={t('download')} />
      ) : (
        <Progress.Root>
          <Progress.Section value={percent} aria-label={t('download')} />
        </Progress.Root>
      )}
      <Group justify="space-between" gap="sm">
        <span>
          {totalBytes > 0
            ? t('ofTotal', { done: format.bytes(bytes), total: format.bytes(totalBytes) })
            : format.bytes(bytes)}
        </span>
        {percent !== undefined && <span>{format.percent(percent / 100)}</span>}
      </Group>
      {download !== null && <Pace download={download} />}
    </div>
  );
}

function Pace({ download }: { download: NonNullable<Files['download']> }) {
  const t = useT(messages);
  const { rate, duration } = useFormat();
  const pace = downloadPace(download);
  switch (pace.kind) {
    case 'paused':
      return <StateBadge tone="warning" word={t('paused')} />;
    case 'phase':
      return <span className={classes.quiet}>{t(pace.phase)}</span>;
    case 'stalled':
      return <StateBadge tone="warning" word={t('stalled', { time: duration(pace.seconds) })} />;
    case 'rate':
      return (
        <span className={classes.quiet}>
          {rate(pace.bytesPerSecond)}
          {pace.etaSeconds !== null && ` · ${t('left', { time: duration(pace.etaSeconds) })}`}
        </span>
      );
  }
}
