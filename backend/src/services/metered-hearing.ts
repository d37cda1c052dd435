/** A voice heard in a clip, on the caller's account. */
import type { Principal } from '../contract/keys.ts';
import type { DiarizationService, Voice } from './diarization.ts';
import type { Metering } from './metering.ts';

export interface HearRequest {
  /** Id of the model. */
  model: string;
  caller: Principal;
  /** Unique id of this piece of work. */
  reference: string;
  signal: AbortSignal;
}

export function meteredHearing(diarization: DiarizationService, metering: Metering) {
  return async (audioPath: string, { model, caller, reference, signal }: HearRequest): Promise<Voice> => {
    const meter = await metering.begin({ caller, reference, model, audioPath, signal });
    try {
      const voice = await diarization.hear({ model, audioPath, signal, use: { tenant: caller.id } });
      await meter.settle(voice.duration);
      return voice;
    } catch (error) {
      await meter.release();
      throw error;
    }
  };
}
