/** `POST /v1/audio/separations`: one recording → its sources, a file each. */
import { z } from 'zod';
import {
  askedStem,
  MAX_SHIFTS,
  SEPARATION_FORMATS,
  type SeparationResult,
  separationOutput,
  type separationParams,
} from '../../contract/separation.ts';
import { GatewayError } from '../../errors.ts';
import type { AudioJobs } from '../../services/audio-jobs.ts';
import type { SeparationService } from '../../services/separation.ts';
import type { SeparationJobRequest } from '../../services/separation-job.ts';
import { noteModels } from '../model-note.ts';
import { type AudioRouteOptions, answerWithFiles } from '../openai/audio-route.ts';
import { audioSource } from '../openai/audio-source.ts';
import { firstIssue, flatFields } from '../openai/form-fields.ts';
import { parseJobWishes } from '../openai/job-wishes.ts';
import { contextOf, principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { requireModel } from '../scopes.ts';
import { separationOperation } from './separation-operation.ts';
import type { SeparationAnswer } from './separation-response.ts';

export interface SeparationRouteOptions extends AudioRouteOptions {
  separation: SeparationService;
  separationJobs: AudioJobs<SeparationJobRequest, SeparationResult>;
  answer: SeparationAnswer;
}

const fields = z.object({
  model: z.string().trim().min(1, 'must not be empty').optional(),
  stems: z.array(askedStem).default([]),
  response_format: z.enum(SEPARATION_FORMATS).default('json'),
  output_format: separationOutput.default('wav'),
  shifts: z
    .string()
    .regex(/^\d{1,2}$/, `must be a whole number from 0 to ${MAX_SHIFTS}`)
    .transform(Number)
    .pipe(z.int().max(MAX_SHIFTS, `at most ${MAX_SHIFTS} are taken`))
    .default(0),
});

export function separationRoute(options: SeparationRouteOptions): Route {
  const { uploads, separation, separationJobs, answer, checkUrl } = options;
  return {
    method: 'post',
    path: '/v1/audio/separations',
    task: 'separation',
    operation: separationOperation,
    handle: (request, response) =>
      uploads.receive(request, response, async (upload) => {
        const { format, ...form } = parseSeparationForm(upload.fields, separation);
        const asked = parseJobWishes(request, upload.fields);
        const source = audioSource(upload);
        if ('url' in source) checkUrl(source.url);
        const context = contextOf(response);
        context.fields.model = form.model;
        requireModel(principalOf(response), form.model);
        noteModels(response, options, [form.model]);
        const audioRequest = {
          caller: principalOf(response),
          reference: context.id,
          model: form.model,
          request: { params: form.params },
          mayReuse: asked.mayReuse,
        };
        const acceptance = { request, response, audioRequest, asked, source, upload };
        await answerWithFiles(options, separationJobs, acceptance, (done) => answer(response, done, format));
      }),
  };
}

/** @throws invalid_value, model_not_found, unsupported_value, naming the parameter. Unknown fields pass. */
export function parseSeparationForm(
  body: Readonly<Record<string, unknown>>,
  separation: Pick<SeparationService, 'modelId' | 'stemsOf'>,
): { model: string; format: (typeof SEPARATION_FORMATS)[number]; params: z.infer<typeof separationParams> } {
  const flat = flatFields(body, ['stems']);
  const stems = Array.isArray(flat.stems) ? flat.stems.flatMap((stem) => String(stem).split(',')) : flat.stems;
  const parsed = fields.safeParse({ ...flat, ...(stems === undefined ? {} : { stems: trimmed(stems) }) });
  if (!parsed.success) throw firstIssue(parsed.error);
  const { model: named, stems: asked, response_format: format, output_format: output, shifts } = parsed.data;
  const model = separation.modelId(named);
  return { model, format, params: { stems: separation.stemsOf(model, asked), output, shifts } };
}

function trimmed(stems: unknown): unknown {
  if (!Array.isArray(stems)) {
    throw new GatewayError('invalid_value', { message: "Invalid value for 'stems': send a list.", param: 'stems' });
  }
  return stems.map((stem) => stem.trim().toLowerCase()).filter((stem) => stem !== '');
}
