/**
 * The account of one request: its audio seconds are reserved before the model sees any of it, charged when there is a
 * result and given back when there is none. Why the audio is decoded for that: doc/decisions/0011-measured-audio.md.
 */
import type { FfmpegPrograms } from '../audio/ffmpeg.ts';
import { measureAudio } from '../audio/measure.ts';
import type { Principal } from '../contract/keys.ts';
import type { Logger } from '../logger.ts';
import type { RunInput } from '../models/define-model.ts';
import { Slots } from '../registry/slots.ts';

/** Whole seconds of audio for one piece of work. */
export interface UsageClaim {
  /** Id of the caller. */
  owner: string;
  /** Id of the work. */
  reference: string;
  seconds: number;
  /** Id of the model that did it. */
  model?: string | undefined;
}

export interface UsageLedger {
  /** Raises what the work holds to so many seconds. @throws insufficient_quota, concurrency_limit_exceeded */
  hold(claim: UsageClaim): Promise<void>;
  /** Charges, and frees the rest of what was held. */
  settle(claim: UsageClaim): Promise<void>;
  release(reference: string): Promise<void>;
  /** Work that held nothing is done; noted soon. */
  count(claim: Pick<UsageClaim, 'owner' | 'seconds' | 'model'>): void;
}

export interface MeteredRequest {
  caller: Principal;
  /** Unique id of the request. */
  reference: string;
  audioPath: string;
  /** Its id or an alias. */
  model: string;
  signal: AbortSignal;
}

/** What a request holds; ended by one call of either. An account that cannot be kept is logged, and no error. */
export interface Meter {
  /** There is a result, of audio of so many seconds. */
  settle(seconds: number): Promise<void>;
  /** The caller has had it all, though the end was never reached. */
  settleInFull(): Promise<void>;
  /** There is none. */
  release(): Promise<void>;
}

export interface Metering {
  /** Takes a place, measures the audio and reserves its seconds, as far as the caller has limits on them. */
  begin(request: MeteredRequest): Promise<Meter>;
}

export interface MeteringOptions {
  ledger: UsageLedger;
  limits: RunInput['limits'];
  tools: FfmpegPrograms;
  /** Files that are measured at a time; each takes a core. */
  maxMeasured: number;
  /** Id of a model by its id or alias. */
  modelId(name: string): string | undefined;
  log: Logger;
}

const STEP_SECONDS = 60;

export function createMetering({ ledger, limits, tools, maxMeasured, modelId, log }: MeteringOptions): Metering {
  const decodes = new Slots(maxMeasured);

  /** The work is done, or undone: that its account could not be kept must not take the answer away. */
  const account = async (entry: Promise<void>) => {
    await entry.catch((cause: unknown) => log.error('audio seconds could not be accounted for', { cause }));
  };

  /** @returns whole seconds, all of them reserved. */
  async function reserveLength({ caller, reference, audioPath, signal }: MeteredRequest): Promise<number> {
    const hold = (seconds: number) => ledger.hold({ owner: caller.id, reference, seconds });
    const free = await decodes.acquire(1, signal);
    try {
      const measured = await measureAudio(audioPath, {
        ...limits,
        ...tools,
        signal,
        stepSeconds: STEP_SECONDS,
        onStep: hold,
      });
      const seconds = Math.ceil(measured);
      await hold(seconds);
      return seconds;
    } finally {
      free();
    }
  }

  return {
    begin: async (request) => {
      const { caller, reference } = request;
      const { audio_seconds_per_day: perDay, audio_seconds_per_month: perMonth, concurrent_jobs } = caller.limits;
      const isTimed = perDay !== null || perMonth !== null;
      const isHeld = isTimed || concurrent_jobs !== null;
      const settle = async (seconds: number) => {
        const model = modelId(request.model);
        if (isHeld) await account(ledger.settle({ owner: caller.id, reference, model, seconds }));
        else ledger.count({ owner: caller.id, model, seconds });
      };
      const release = async () => {
        if (isHeld) await account(ledger.release(reference));
      };
      // A place, and the first second, which all audio has: whoever may not begin is not worth a decoding.
      if (isHeld) await ledger.hold({ owner: caller.id, reference, seconds: isTimed ? 1 : 0 });
      try {
        const reserved = isTimed ? await reserveLength(request) : Number.POSITIVE_INFINITY;
        return {
          settle: (seconds) => settle(Math.min(Math.ceil(seconds), reserved)),
          settleInFull: () => (isTimed ? settle(reserved) : release()),
          release,
        };
      } catch (error) {
        await release();
        throw error;
      }
    },
  };
}
