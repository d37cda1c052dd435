/** Adds up what the files of one download report. */

/** Bytes that another download left, or that come over the line. */
export type BytesSource = 'found' | 'fetched';

export interface DownloadProgress {
  /** Path in the repository of the file that moved last. */
  file: string;
  /** Bytes of all wanted files that are here. */
  bytes: number;
  /** Bytes of all wanted files. */
  totalBytes: number;
  /** Bytes that came over the line, those of files that were begun again included. */
  fetchedBytes: number;
  /** `verifying`: hashes are compared and files brought onto the disk; nothing is being fetched. */
  phase: 'downloading' | 'verifying';
}

/** Disposed of, it reports no more. */
export interface ProgressReporter extends Disposable {
  /** Bytes gained, or lost (negative) when a file starts again. */
  add(file: string, delta: number, source: BytesSource): void;
  /** The file is complete. */
  done(file: string): void;
  /** Reports the end, however short ago the last report was. */
  finish(): void;
}

/** Four reports a second are as many as a person can read. */
const INTERVAL_MS = 250;

/** Passes the sum on at most four times a second. */
export function createProgress(
  totalBytes: number,
  report: ((progress: DownloadProgress) => void) | undefined,
): ProgressReporter {
  const progress: DownloadProgress = { file: '', bytes: 0, totalBytes, fetchedBytes: 0, phase: 'downloading' };
  /** Files whose bytes are coming. */
  const coming = new Set<string>();
  let nextAt = 0;
  let timer: NodeJS.Timeout | undefined;
  const tell = () => {
    const now = performance.now();
    if (now < nextAt) {
      // Of the last bytes before a silence nothing else would tell.
      timer ??= setTimeout(tellLater, nextAt - now);
      return;
    }
    nextAt = now + INTERVAL_MS;
    report?.({ ...progress });
  };
  const tellLater = () => {
    timer = undefined;
    tell();
  };
  return {
    add(file, delta, source) {
      progress.file = file;
      progress.bytes += delta;
      if (source === 'fetched') {
        coming.add(file);
        progress.fetchedBytes += delta;
      }
      progress.phase = coming.size > 0 && progress.bytes < totalBytes ? 'downloading' : 'verifying';
      tell();
    },
    done(file) {
      coming.delete(file);
    },
    finish: () => {
      clearTimeout(timer);
      report?.({ ...progress });
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
