/**
 * Downloads a snapshot in a process of its own, for tests that kill it or run several. Its argument is the options as
 * JSON; it prints `{"progress": …}` lines and at last `{"snapshot": …}` or `{"error": code}`.
 */
import { GatewayError } from '../../backend/src/errors.ts';
import { type DownloadOptions, downloadSnapshot } from '../../backend/src/hub/download.ts';

const options: Omit<DownloadOptions, 'signal'> = JSON.parse(process.argv[2] ?? '{}');
const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

try {
  const signal = new AbortController().signal;
  const snapshot = await downloadSnapshot({ ...options, signal, onProgress: (progress) => print({ progress }) });
  print({ snapshot });
} catch (error) {
  print({ error: error instanceof GatewayError ? error.code : String(error) });
  process.exitCode = 1;
}
