/** `/v1/speakers`: the caller's known voices: enrolled from clips, listed, forgotten. No answer holds a voiceprint. */
import type { Response } from 'express';
import { z } from 'zod';
import type { Principal } from '../../contract/keys.ts';
import {
  deletedSpeaker,
  enrolmentFields,
  MAX_CLIPS,
  MAX_EXPIRY_DAYS,
  type Speaker,
  speaker,
  speakerList,
  speakerQuery,
} from '../../contract/speakers.ts';
import { GatewayError } from '../../errors.ts';
import { type HeardVoice, hearSpeaker } from '../../services/enrolment.ts';
import type { EnrolledVoices } from '../../services/known-speakers.ts';
import { errorResponses } from '../error-responses.ts';
import { idOf } from '../jobs/jobs.ts';
import { type ModelNotes, noteModels } from '../model-note.ts';
import { ownerOf } from '../owner.ts';
import { parseQuery } from '../query.ts';
import { contextOf, principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { requireModel } from '../scopes.ts';
import type { FileParts, Upload, UploadReceiver } from '../upload.ts';

/** As the database has it. */
export interface SpeakerRecord {
  id: string;
  name: string;
  model: string;
  clips: number;
  seconds: number;
  created_at: Date;
  expires_at: Date | null;
}

export interface SpeakerRecords extends EnrolledVoices {
  /** @returns undefined when the owner has another one of that name. */
  add(speaker: {
    owner: string;
    name: string;
    model: string;
    voiceprint: readonly number[];
    clips: number;
    seconds: number;
    expiresAfterDays: number | undefined;
  }): Promise<SpeakerRecord | undefined>;
  list(page: {
    owner: string;
    after: string | undefined;
    limit: number;
  }): Promise<{ speakers: SpeakerRecord[]; hasMore: boolean }>;
  find(owner: string, id: string): Promise<SpeakerRecord | undefined>;
  /** @returns whether it was there. */
  delete(owner: string, id: string): Promise<boolean>;
}

/** Of one clip. */
export interface HearRequest {
  /** Id of the model. */
  model: string;
  caller: Principal;
  /** Unique id of this piece of work. */
  reference: string;
  signal: AbortSignal;
}

export interface SpeakerRoutesOptions extends ModelNotes {
  speakers: SpeakerRecords;
  uploads: UploadReceiver;
  /** Id of the diarization model of that name, or of the one that is used when none is named. @throws model_not_found, invalid_value */
  resolveModel(name: string | undefined): string;
  /** The voice of a clip, heard as that of one person. Without speech: 0 seconds and any voiceprint. */
  hear(audioPath: string, request: HearRequest): Promise<HeardVoice>;
}

const path = '/v1/speakers';
const DEFAULT_PAGE = 20;
const CLIPS: FileParts = { names: ['file', 'file[]', 'clips', 'clips[]'], max: MAX_CLIPS };
const shared = { tags: ['Audio'], security: [{ bearer: [] }] };
const idPath = z.object({ id: z.string() });

const form = z
  .object({
    name: z.string().meta({ description: 'What the voice is called in turns; none of the other speakers may have it' }),
    'clips[]': z
      .array(z.string().meta({ format: 'binary' }))
      .optional()
      .meta({
        description: `1 to ${MAX_CLIPS} recordings of this voice alone, with 1 s of speech each or more; parts named \`file\`, \`file[]\` or \`clips\` are the same`,
      }),
    consent: z.literal('true').meta({ description: 'The person agreed: a voiceprint is biometric data' }),
    expires_after_days: z.int().min(1).max(MAX_EXPIRY_DAYS).optional().meta({ description: 'Default: never' }),
    model: z
      .string()
      .optional()
      .meta({ description: 'Id or alias of a diarization model; other models cannot use the voice' }),
  })
  .meta({ id: 'CreateSpeakerRequest' });

export function speakerRoutes(options: SpeakerRoutesOptions): Route[] {
  const { speakers, uploads, resolveModel, hear } = options;
  async function enrol(response: Response, upload: Upload): Promise<void> {
    const caller = principalOf(response);
    const { signal, id, fields } = contextOf(response);
    const { name, expires_after_days: expiresAfterDays, model: wanted } = enrolmentOf(upload.fields);
    const clips = clipsOf(upload);
    const model = resolveModel(wanted);
    requireModel(caller, model);
    noteModels(response, options, [model]);
    fields.model = model;
    const owner = ownerOf(response);
    // Before anything is computed; `add` has the last word.
    if ((await speakers.named(owner, [name])).length > 0) throw nameTaken(name);
    const voice = await hearSpeaker(clips, (clip, index) =>
      hear(clip.path, { model, caller, reference: `${id}-${index + 1}`, signal }),
    );
    // Who is gone will ask again, and must not find the name taken.
    if (signal.aborted) {
      throw new GatewayError('client_closed_request', { message: 'The client closed the connection.' });
    }
    const added = await speakers.add({ owner, name, ...voice, clips: clips.length, expiresAfterDays });
    if (added === undefined) throw nameTaken(name);
    response.status(201).json(describe(added));
  }

  async function find(response: Response, id: string): Promise<SpeakerRecord> {
    const found = await speakers.find(ownerOf(response), id);
    if (found === undefined) throw speakerNotFound(id);
    return found;
  }

  return [
    {
      method: 'post',
      path,
      task: 'diarization',
      operation: {
        ...shared,
        operationId: 'createSpeaker',
        summary: 'Enrols a voice under a name',
        requestBody: { required: true, content: { 'multipart/form-data': { schema: form } } },
        responses: {
          '201': { description: 'It is known from now on', content: { 'application/json': { schema: speaker } } },
          ...errorResponses(400, 401, 403, 404, 409, 413, 429, 500, 502, 503, 504, 507),
        },
      },
      handle: (request, response) => uploads.receive(request, response, (upload) => enrol(response, upload), CLIPS),
    },
    {
      method: 'get',
      path,
      task: 'diarization',
      operation: {
        ...shared,
        operationId: 'listSpeakers',
        summary: "The caller's known voices, newest first, page by page",
        requestParams: { query: speakerQuery },
        responses: {
          '200': { description: 'One page', content: { 'application/json': { schema: speakerList } } },
          ...errorResponses(400, 401, 403, 404, 503),
        },
      },
      handle: async (request, response) => {
        const { after, limit = DEFAULT_PAGE } = parseQuery(speakerQuery, request.query);
        if (after !== undefined) await find(response, after);
        const { speakers: found, hasMore } = await speakers.list({ owner: ownerOf(response), after, limit });
        const data = found.map(describe);
        response.json({
          object: 'list',
          data,
          first_id: data[0]?.id ?? null,
          last_id: data.at(-1)?.id ?? null,
          has_more: hasMore,
        });
      },
    },
    {
      method: 'get',
      path: `${path}/{id}`,
      task: 'diarization',
      operation: {
        ...shared,
        operationId: 'retrieveSpeaker',
        summary: 'One known voice',
        requestParams: { path: idPath },
        responses: {
          '200': { description: 'The speaker', content: { 'application/json': { schema: speaker } } },
          ...errorResponses(401, 403, 404, 503),
        },
      },
      handle: async (request, response) => {
        response.json(describe(await find(response, idOf(request.params))));
      },
    },
    {
      method: 'delete',
      path: `${path}/{id}`,
      task: 'diarization',
      operation: {
        ...shared,
        operationId: 'deleteSpeaker',
        summary: 'Forgets a voice, for good',
        requestParams: { path: idPath },
        responses: {
          '200': { description: 'It is gone', content: { 'application/json': { schema: deletedSpeaker } } },
          ...errorResponses(401, 403, 404, 503),
        },
      },
      handle: async (request, response) => {
        const id = idOf(request.params);
        if (!(await speakers.delete(ownerOf(response), id))) throw speakerNotFound(id);
        response.json({ id, object: 'speaker', deleted: true });
      },
    },
  ];
}

/** @throws consent_required, missing_required_parameter, invalid_value */
function enrolmentOf(fields: Upload['fields']): z.output<typeof enrolmentFields> {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
  if (given.consent !== 'true') {
    throw new GatewayError('consent_required', {
      message: 'A voiceprint is biometric data: send `consent=true` if the person agreed to be enrolled.',
      param: 'consent',
    });
  }
  if (given.name === undefined) {
    throw new GatewayError('missing_required_parameter', {
      message: 'You must provide the name that the voice is to have.',
      param: 'name',
    });
  }
  return parseQuery(enrolmentFields, given);
}

/** @throws missing_required_parameter, audio_too_short */
function clipsOf({ files, fields }: Upload): Upload['files'] {
  if (files.length === 0) {
    const asText = Object.hasOwn(fields, 'file') || Object.hasOwn(fields, 'clips');
    throw new GatewayError('missing_required_parameter', {
      message: asText
        ? 'The clips came as text: send them as files, with filenames (curl: -F clips[]=@voice.wav).'
        : `You must provide 1 to ${MAX_CLIPS} clips of the voice, as files in parts named "clips[]".`,
      param: 'clips',
    });
  }
  const empty = files.find(({ bytes }) => bytes === 0);
  if (empty !== undefined) {
    throw new GatewayError('audio_too_short', {
      message: `Clip ${files.indexOf(empty) + 1} is an empty file.`,
      param: empty.field,
    });
  }
  return files;
}

function describe({ id, name, model, clips, seconds, created_at, expires_at }: SpeakerRecord): Speaker {
  return {
    id,
    object: 'speaker',
    name,
    model,
    clips,
    seconds,
    consent: true,
    created_at: unixSeconds(created_at),
    expires_at: expires_at && unixSeconds(expires_at),
  };
}

function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function nameTaken(name: string): GatewayError {
  return new GatewayError('speaker_exists', {
    message: `You have a speaker named '${name}'. Delete it with DELETE /v1/speakers/{id} to enrol the voice anew.`,
    param: 'name',
  });
}

function speakerNotFound(id: string): GatewayError {
  return new GatewayError('speaker_not_found', { message: `The speaker '${id}' does not exist, or is not yours.` });
}
