/** The voices that a request names: enrolled ones, or those of clips that come with it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Response } from 'express';
import type { KnownSpeaker } from '../../contract/diarization.ts';
import { GatewayError } from '../../errors.ts';
import type { DiarizationService } from '../../services/diarization.ts';
import type { ModelUse } from '../../services/model-use.ts';
import { contextOf } from '../request-context.ts';
import type { Upload } from '../upload.ts';

export interface KnownVoicesOptions {
  diarization: DiarizationService;
  /** Voices that the owner has enrolled with that model. @throws speaker_not_found, naming the parameter */
  lookup(owner: string, model: string, names: readonly string[]): Promise<KnownSpeaker[]>;
}

export interface KnownVoices {
  find(
    wanted: { owner: string; model: string; names: readonly string[]; references: readonly string[] },
    context: { upload: Upload; response: Response; use: ModelUse },
  ): Promise<KnownSpeaker[]>;
}

const PARAM = 'known_speaker_references';
/** OpenAI takes 2 to 10 s. */
const MAX_REFERENCE_SECONDS = 60;
/** In front of the comma of a data URL (https://www.rfc-editor.org/rfc/rfc2397); the type is not looked at, the content is. */
const MAX_HEADER = 200;

export function knownVoices({ diarization, lookup }: KnownVoicesOptions): KnownVoices {
  return {
    find: async ({ owner, model, names, references }, { upload, response, use }) => {
      if (references.length === 0) return names.length === 0 ? [] : lookup(owner, model, names);
      const { signal } = contextOf(response);
      const known: KnownSpeaker[] = [];
      for (const [index, reference] of references.entries()) {
        const audioPath = join(upload.dir, `reference-${index}`);
        await writeFile(audioPath, decodeDataUrl(reference, index), { flag: 'wx', mode: 0o600 });
        try {
          const { voiceprint } = await diarization.hear({
            ...{ model, audioPath, signal, use },
            maxSeconds: MAX_REFERENCE_SECONDS,
          });
          if (voiceprint.length === 0) throw silent();
          known.push({ name: names[index] ?? '', voiceprint });
        } catch (error) {
          throw ofReference(error, index);
        }
      }
      return known;
    },
  };
}

function decodeDataUrl(url: string, index: number): Buffer {
  const comma = url.slice(0, MAX_HEADER).indexOf(',');
  const header = url.slice(0, Math.max(0, comma)).toLowerCase();
  if (header.startsWith('data:') && header.endsWith(';base64')) {
    const bytes = Buffer.from(url.slice(comma + 1), 'base64');
    if (bytes.length > 0) return bytes;
  }
  throw new GatewayError('invalid_value', {
    message: `Reference ${index + 1} is no data URL of audio (data:audio/wav;base64,…).`,
    param: PARAM,
  });
}

function silent(): GatewayError {
  return new GatewayError('audio_too_short', { message: 'There is no speech to know a voice by.', param: 'file' });
}

/** What is wrong with a clip is wrong with that parameter. */
function ofReference(error: unknown, index: number): unknown {
  if (!(error instanceof GatewayError) || error.param !== 'file') return error;
  const message = `Reference ${index + 1}: ${error.message}`;
  return new GatewayError(error.code, { message, param: PARAM, cause: error });
}
