import type { AdminModel } from '@contract/admin.ts';
import { downloadPercent } from '../../lib/download-percent.ts';
import { formatBytes } from '../../lib/format-bytes.ts';

export function ModelFiles({ files }: Pick<AdminModel, 'files'>) {
  switch (files.state) {
    case 'absent':
      return <p className="quiet-text">Not on disk</p>;
    case 'present':
      return <p>{files.total_bytes > 0 ? `${formatBytes(files.total_bytes)} on disk` : 'On disk'}</p>;
    case 'failed':
      return <p className="reason">Download failed: {files.reason ?? 'no reason given'}</p>;
    case 'downloading':
      return <Download bytes={files.bytes} totalBytes={files.total_bytes} />;
  }
}

function Download({ bytes, totalBytes }: { bytes: number; totalBytes: number }) {
  const percent = downloadPercent(bytes, totalBytes);
  if (percent === undefined) {
    return (
      <>
        <progress aria-label="Download" />
        <p>{formatBytes(bytes)}</p>
      </>
    );
  }
  return (
    <>
      <progress aria-label="Download" value={percent} max={100} />
      <p className="progress-text">
        <span>
          {formatBytes(bytes)} of {formatBytes(totalBytes)}
        </span>
        <span>{percent}%</span>
      </p>
    </>
  );
}
