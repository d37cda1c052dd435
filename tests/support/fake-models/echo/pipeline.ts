/**
 * Orders by prompt, space-separated, worked off in turn:
 *
 *     say:WORD       emit a delta
 *     sleep:MS       wait, and stop when cancelled
 *     spin:MS        block the worker's event loop, as a running graph does
 *     signal:NAME    end the worker by that signal (SIGSEGV …)
 *     exit:CODE      end the worker with that exit code
 *     file:N         emit the first N bytes of the upload as text
 *     once:FILE      do what follows only if FILE does not exist, and create it
 *     seconds:N      say that the audio was so long
 *     deaf           ignore cancellation from here on
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pipeline, PipelineModule } from '../../../../backend/src/models/define-model.ts';

export const load: PipelineModule<'transcription'>['load'] = async () => {
  const pipeline: Pipeline<'transcription'> = {
    run: async ({ audioPath }, { prompt = '' }, { signal, emit }) => {
      let text = '';
      let duration = 1;
      let isDeaf = false;
      const say = (delta: string) => {
        text += delta;
        emit({ type: 'delta', delta });
      };
      for (const order of prompt.split(' ').filter((item) => item !== '')) {
        if (!isDeaf) signal.throwIfAborted();
        const [verb = '', argument = ''] = order.split(/:(.*)/s);
        if (verb === 'say') say(argument);
        else if (verb === 'sleep') await sleep(Number(argument), undefined, isDeaf ? {} : { signal });
        else if (verb === 'spin') spin(Number(argument));
        else if (verb === 'signal') process.kill(process.pid, argument);
        else if (verb === 'exit') process.exit(Number(argument));
        else if (verb === 'file') say(readFileSync(audioPath).subarray(0, Number(argument)).toString('latin1'));
        else if (verb === 'seconds') duration = Number(argument);
        else if (verb === 'deaf') isDeaf = true;
        else if (verb === 'once') {
          if (existsSync(argument)) break;
          writeFileSync(argument, '');
        } else throw new Error(`echo does not know "${order}"`);
        // A signal to oneself is delivered on the way back to the event loop.
        if (verb === 'signal') await sleep(10_000);
      }
      return { text, language: 'en', duration, segments: [], words: [] };
    },
    dispose: async () => {},
  };
  return pipeline;
};

function spin(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
