/** Transcription on the caller's account. */
import type { TranscriptionEvent, TranscriptionResult } from '../contract/transcription.ts';
import type { MeteredRequest, Metering } from './metering.ts';
import type { TranscriptionService } from './transcription.ts';

export interface MeteredTranscription extends Pick<TranscriptionService, 'check'> {
  /** @throws insufficient_quota, concurrency_limit_exceeded beside what the service throws. */
  transcribe(request: Parameters<TranscriptionService['transcribe']>[0] & MeteredRequest): Promise<TranscriptionResult>;
}

export function createMeteredTranscription(service: TranscriptionService, metering: Metering): MeteredTranscription {
  return {
    check: service.check,
    transcribe: async ({ caller, reference, ...request }) => {
      const { audioPath, model, signal, onEvent } = request;
      const meter = await metering.begin({ caller, reference, model, audioPath, signal });
      let heard = false;
      try {
        const result = await service.transcribe({
          ...request,
          ...(onEvent && {
            onEvent: (event: TranscriptionEvent) => {
              heard = true;
              onEvent(event);
            },
          }),
        });
        await meter.settle(result.duration);
        return result;
      } catch (error) {
        // Who leaves before the end of a stream has had its text.
        await (heard && signal.aborted ? meter.settleInFull() : meter.release());
        throw error;
      }
    },
  };
}
