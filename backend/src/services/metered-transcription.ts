/**
 * Transcription that is counted: its audio seconds are reserved before the model sees any of it, charged when there is a
 * result and given back when there is none. Why the audio is decoded twice for that: doc/decisions/0011-measured-audio.md.
 */
import type { FfmpegPrograms } from '../audio/ffmpeg.ts';
import { measureAudio } from '../audio/measure.ts';
import type { Principal } from '../contract/keys.ts';
import type { TranscriptionEvent, TranscriptionResult } from '../contract/transcription.ts';
import type { Logger } from '../logger.ts';
import type { RunInput } from '../models/define-model.ts';
import { Slots } from '../registry/slots.ts';
import type { TranscriptionService } from './transcription.ts';

/** Whole seconds of audio for one piece of work. */
export interface UsageClaim {
  /** Id of the caller. */
  owner: string;
  /** Id of the work. */
  reference: string;
  seconds: number;
}

export interface UsageLedger {
  /** Adds to what the work holds already. @throws insufficient_quota, concurrency_limit_exceeded */
  reserve(claim: UsageClaim): Promise<void>;
  /** Charges, and frees the rest of what was held. */
  settle(claim: UsageClaim): Promise<void>;
  release(reference: string): Promise<void>;
}

export type TranscriptionRequest = Parameters<TranscriptionService['transcribe']>[0];

export interface MeteredTranscription extends Pick<TranscriptionService, 'check'> {
  /** @throws insufficient_quota, concurrency_limit_exceeded beside what the service throws. */
  transcribe(
    request: TranscriptionRequest & {
      caller: Principal;
      /** Unique id of the request. */
      reference: string;
    },
  ): Promise<TranscriptionResult>;
}

export interface MeteringOptions {
  service: TranscriptionService;
  ledger: UsageLedger;
  limits: RunInput['limits'];
  tools: FfmpegPrograms;
  /** Files that are measured at a time; each takes a core. */
  maxMeasured: number;
  log: Logger;
}

const STEP_SECONDS = 60;

export function createMeteredTranscription({
  service,
  ledger,
  limits,
  tools,
  maxMeasured,
  log,
}: MeteringOptions): MeteredTranscription {
  const decodes = new Slots(maxMeasured);
  /** The work is done, or undone: that its account could not be kept must not take the answer away. */
  const account = async (entry: Promise<void>) => {
    await entry.catch((cause: unknown) => log.error('audio seconds could not be accounted for', { cause }));
  };

  /** @returns whole seconds, all of them reserved. */
  async function reserveLength(claim: Omit<UsageClaim, 'seconds'>, { audioPath, signal }: TranscriptionRequest) {
    let reserved = 0;
    const reserve = async (seconds: number) => {
      if (seconds > 0) await ledger.reserve({ ...claim, seconds });
      reserved += seconds;
    };
    const onStep = () => reserve(STEP_SECONDS);
    const free = await decodes.acquire(1, signal);
    try {
      const seconds = await measureAudio(audioPath, { ...limits, ...tools, signal, stepSeconds: STEP_SECONDS, onStep });
      await reserve(Math.ceil(seconds) - reserved);
      return reserved;
    } finally {
      free();
    }
  }

  return {
    check: service.check,
    transcribe: async ({ caller, reference, ...request }) => {
      const { audio_seconds_per_day: perDay, audio_seconds_per_month: perMonth, concurrent_jobs } = caller.limits;
      const isTimed = perDay !== null || perMonth !== null;
      const claim = { owner: caller.id, reference };
      if (!isTimed && concurrent_jobs === null) {
        const result = await service.transcribe(request);
        await account(ledger.settle({ ...claim, seconds: Math.ceil(result.duration) }));
        return result;
      }

      // A place first: whoever may not begin is not worth a decoding.
      await ledger.reserve({ ...claim, seconds: 0 });
      let reserved = 0;
      let heard = false;
      let result: TranscriptionResult;
      try {
        if (isTimed) reserved = await reserveLength(claim, request);
        const { onEvent } = request;
        result = await service.transcribe({
          ...request,
          ...(onEvent && {
            onEvent: (event: TranscriptionEvent) => {
              heard = true;
              onEvent(event);
            },
          }),
        });
      } catch (error) {
        // Who leaves before the end of a stream has had its text.
        const isOwed = heard && request.signal.aborted;
        await account(isOwed ? ledger.settle({ ...claim, seconds: reserved }) : ledger.release(reference));
        throw error;
      }
      const seconds = Math.ceil(result.duration);
      await account(ledger.settle({ ...claim, seconds: isTimed ? Math.min(seconds, reserved) : seconds }));
      return result;
    },
  };
}
