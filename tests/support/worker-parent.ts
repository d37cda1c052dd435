/**
 * Starts one worker with the echo model and prints its process id once it is ready; works on a request for ever when
 * asked to (`busy`). `node worker-parent.ts SNAPSHOT [busy]`, killed by the test.
 */
import { createEchoWorker } from './echo-worker.ts';

const worker = createEchoWorker(process.argv[2] ?? '');
await worker.ready;
if (process.argv[3] === 'busy') {
  const heard = Promise.withResolvers<void>();
  worker.run({
    input: { audioPath: import.meta.filename, limits: { maxSeconds: 60, maxDecodedBytes: 2 ** 20 } },
    params: { prompt: 'say:on sleep:600000', temperature: 0, words: false },
    onEvent: () => heard.resolve(),
  });
  await heard.promise;
}
process.stdout.write(`${worker.pid}\n`);
