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
 *     windows:N:MS   take MS for each of N windows, and go on behind those that were done before
 *     append:FILE    add a line to FILE
 *     seconds:N      say that the audio was so long
 *     deaf           ignore cancellation from here on
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TranscriptWindow } from '../../../../backend/src/contract/transcription.ts';
import type { Pipeline, PipelineModule } from '../../../../backend/src/models/define-model.ts';

export const load: PipelineModule<'transcription'>['load'] = async ({ model }) => {
  const { greeting = '' } = (model.settings ?? {}) as { greeting?: string };
  const pipeline: Pipeline<'transcription'> = {
    run: async ({ audioPath, resume }, { prompt = '' }, { signal, emit }) => {
      let text = '';
      let duration = 1;
      let isDeaf = false;
      const windows: TranscriptWindow[] = [...(resume?.from?.windows ?? [])];
      const say = (delta: string) => {
        text += delta;
        emit({ type: 'delta', delta });
      };
      if (greeting !== '') say(greeting);
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
        else if (verb === 'append') appendFileSync(argument, 'run\n');
        else if (verb === 'windows') {
          const [count = 0, milliseconds = 0] = argument.split(':').map(Number);
          for (let index = windows.length; index < count; index += 1) {
            await sleep(milliseconds, undefined, { signal });
            windows.push(windowOf(index, count));
            if (resume !== undefined)
              emit({ type: 'window', window: windowOf(index, count), position: { next: index + 1 } });
          }
          text += windows.map(({ segments }) => segments[0]?.text ?? '').join('');
        } else if (verb === 'once') {
          if (existsSync(argument)) break;
          writeFileSync(argument, '');
        } else throw new Error(`echo does not know "${order}"`);
        // A signal to oneself is delivered on the way back to the event loop.
        if (verb === 'signal') await sleep(10_000);
      }
      return { text, language: 'en', duration, segments: windows.flatMap(({ segments }) => segments), words: [] };
    },
    dispose: async () => {},
  };
  return pipeline;
};

/** Of a second of audio that is cut into `count`. */
function windowOf(index: number, count: number): TranscriptWindow {
  const [start, end] = [index / count, (index + 1) / count];
  const text = ` w${index}`;
  const segment = { id: index, seek: 0, start, end, text, tokens: [], temperature: 0, avg_logprob: -0.1 };
  return {
    ...{ index, start, end, language: 'en', words: [], suppressed: [] },
    segments: [{ ...segment, compression_ratio: 1, no_speech_prob: 0 }],
  };
}

function spin(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
