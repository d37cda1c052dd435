/** `POST /v1/audio/diarizations`: who spoke when. */
import type { Response } from 'express';
import { z } from 'zod';
import { DIARIZATION_FORMATS, type DiarizationResult } from '../../contract/diarization.ts';
import type { AudioJobs } from '../../services/audio-jobs.ts';
import type { DiarizationService } from '../../services/diarization.ts';
import type { DiarizationJobRequest } from '../../services/diarization-job.ts';
import { principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { type AudioRouteOptions, receiveAudio } from './audio-route.ts';
import { diarizationOperation } from './diarization-operation.ts';
import { sendDiarization } from './diarization-response.ts';
import { firstIssue, flatFields } from './form-fields.ts';
import type { KnownVoices } from './known-voices.ts';
import { SPEAKER_LISTS, type SpeakerForm, speakerFields, toSpeakerForm } from './speaker-form.ts';

export interface DiarizationForm extends SpeakerForm {
  /** Id. */
  model: string;
  format: (typeof DIARIZATION_FORMATS)[number];
}

const fields = z.object({
  model: z.string().trim().min(1, 'must not be empty').optional(),
  response_format: z.enum(DIARIZATION_FORMATS).default('json'),
  ...speakerFields,
});

export interface DiarizationRouteOptions extends AudioRouteOptions {
  diarization: DiarizationService;
  diarizationJobs: AudioJobs<DiarizationJobRequest, DiarizationResult>;
  voices: KnownVoices;
}

export function diarizationRoute(options: DiarizationRouteOptions): Route {
  const { diarization, diarizationJobs, voices } = options;
  return {
    method: 'post',
    path: '/v1/audio/diarizations',
    task: 'diarization',
    operation: diarizationOperation,
    handle: receiveAudio<DiarizationForm, DiarizationJobRequest, DiarizationResult>(options, {
      work: diarizationJobs,
      parse: (body) => parseDiarizationForm(body, (model) => diarization.modelId(model)),
      modelsOf: ({ model }) => [model],
      request: async ({ model, format, params, names, references }, { upload, response, use }) => ({
        format,
        diarize: {
          model,
          params,
          known: await voices.find(
            { owner: principalOf(response).id, model, names, references },
            { upload, response, use },
          ),
        },
      }),
      send: (response: Response, result, { format }) => sendDiarization(response, result, format),
    }),
  };
}

/** @throws invalid_value, model_not_found, unsupported_value, naming the parameter. Unknown fields pass. */
export function parseDiarizationForm(
  body: Readonly<Record<string, unknown>>,
  modelId: (model: string | undefined) => string,
): DiarizationForm {
  const flat = flatFields(body, SPEAKER_LISTS);
  // Where there is nothing else that it could be the mode of.
  const parsed = fields.safeParse({ ...flat, diarization_mode: flat.diarization_mode ?? flat.mode });
  if (!parsed.success) throw firstIssue(parsed.error);
  const { model, response_format: format } = parsed.data;
  return { model: modelId(model), format, ...toSpeakerForm(parsed.data) };
}
