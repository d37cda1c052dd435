export interface DownloadProgress {
  /** Path in the repository of the file that moved last. */
  file: string;
  /** Bytes of all wanted files that are here. */
  bytes: number;
  /** Bytes of all wanted files. */
  totalBytes: number;
}

export interface ProgressReporter {
  /** Bytes gained, or lost (negative) when a file starts again. */
  add(file: string, delta: number): void;
  /** Reports the end, however short ago the last report was. */
  finish(): void;
}

/** Four reports a second are as many as a person can read. */
const INTERVAL_MS = 250;

/** Adds up what the files report and passes it on at most four times a second. */
export function createProgress(
  totalBytes: number,
  report: ((progress: DownloadProgress) => void) | undefined,
): ProgressReporter {
  const progress = { file: '', bytes: 0, totalBytes };
  let nextAt = 0;
  return {
    add(file, delta) {
      progress.file = file;
      progress.bytes += delta;
      const now = performance.now();
      if (now < nextAt || progress.bytes === totalBytes) return;
      nextAt = now + INTERVAL_MS;
      report?.({ ...progress });
    },
    finish: () => report?.({ ...progress }),
  };
}
