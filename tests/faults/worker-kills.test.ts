import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { putEchoSnapshot } from '../support/echo-snapshot.ts';
import { startGateway } from '../support/gateway-process.ts';
import { postSpeech } from '../support/post-speech.ts';
import { childrenOf } from '../support/processes.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

const ROUNDS = 20;

it('20 kills of the worker during a request: each is answered, the gateway goes on', async () => {
  const dir = await tempDir();
  await putEchoSnapshot(join(dir, 'models'));
  const gateway = await startGateway({ dir });
  let victim = 0;
  const killBusyWorker = async (begun?: string) => {
    const last = victim;
    await waitUntil('a request is in a worker, another one than the last', async () => {
      const replica = (await gateway.model()).replicas[0];
      victim = replica?.pid ?? last;
      return replica?.in_flight === 1 && victim !== last && (begun === undefined || existsSync(begun));
    });
    process.kill(victim, 'SIGKILL');
  };

  for (let round = 0; round < ROUNDS; round += 1) {
    // Every fourth time its second worker is killed, too.
    const isLost = round % 4 === 3;
    // It works until it is killed.
    const begun = isLost ? undefined : join(dir, `begun-${round}`);
    const once = begun === undefined ? '' : `once:${begun}`;
    const answer = postSpeech(gateway.url, { prompt: `say:${round} ${once} sleep:600000` });
    await killBusyWorker(begun);
    if (isLost) await killBusyWorker();
    const expected = isLost ? { status: 500, error: { code: 'worker_crashed' } } : { status: 200, text: String(round) };
    expect(await answer).toMatchObject(expected);
  }
  expect(await postSpeech(gateway.url, { prompt: 'say:again' })).toMatchObject({ status: 200 });
  expect((await gateway.model()).replicas[0]).toMatchObject({ state: 'ready', in_flight: 0, crashes_in_a_row: 0 });
  expect(childrenOf(gateway.pid)).toEqual([await gateway.workerPid()]);
});
