/** `POST /v1/evaluations`: how close results come to a reference. */
import { z } from 'zod';

export const TEXT_NORMALIZERS = ['basic', 'english', 'multilingual'] as const;
const jobId = z.string().max(100);
const label = z.string().max(100).optional();
const text = z.string().max(250_000);
const orJob = (member: string) => `Else \`job_id\`: of one of your jobs, whose ${member} is taken`;

export const evaluationRequest = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('text'),
      reference: text,
      hypotheses: z
        .array(
          z.strictObject({
            label,
            text: text.optional().meta({ description: orJob('transcript') }),
            job_id: jobId.optional(),
          }),
        )
        .min(1)
        .max(2),
      normalizer: z.enum(TEXT_NORMALIZERS).default('basic').meta({
        description:
          '`basic`: upper case without punctuation; the others are those of the Whisper paper, for English and for other languages',
      }),
      unit: z.enum(['word', 'character']).default('word').meta({
        description: 'What the difference is told in; `character` for languages without spaces',
      }),
    }),
    z.strictObject({
      kind: z.literal('speakers'),
      reference: text.meta({ description: 'RTTM' }),
      hypotheses: z
        .array(
          z.strictObject({
            label,
            rttm: text.optional().meta({ description: orJob('`speakers.rttm`') }),
            job_id: jobId.optional(),
          }),
        )
        .min(1)
        .max(2),
      collar: z.number().min(0).max(5).default(0).meta({ description: 'Seconds left out on each side of a boundary' }),
      skip_overlap: z.boolean().default(false),
    }),
    z.strictObject({
      kind: z.literal('separation'),
      pairs: z
        .array(
          z.strictObject({
            label,
            reference: z.strictObject({ job_id: jobId, file: z.string().max(200) }),
            estimate: z.strictObject({ job_id: jobId, file: z.string().max(200) }),
          }),
        )
        .min(1)
        .max(12)
        .meta({ description: '`file`: `input`, or the name of an artifact that is audio, of one of your jobs' }),
    }),
  ])
  .meta({ id: 'EvaluationRequest' });
export type EvaluationRequest = z.infer<typeof evaluationRequest>;

const errorCounts = z
  .object({
    rate: z.number().meta({ description: 'Errors per token of the reference; may exceed 1' }),
    substitutions: z.int(),
    deletions: z.int(),
    insertions: z.int(),
    reference: z.int().meta({ description: 'Tokens' }),
  })
  .meta({ id: 'ErrorCounts' });

const decibels = z.number().nullable().meta({ description: 'At most 100; null where either is silent' });

export const evaluation = z
  .discriminatedUnion('kind', [
    z.object({
      object: z.literal('evaluation'),
      kind: z.literal('text'),
      normalizer: z.enum(TEXT_NORMALIZERS),
      unit: z.enum(['word', 'character']),
      results: z.array(
        z.object({
          label: z.string().nullable(),
          wer: errorCounts.meta({ description: 'In the unit' }),
          cer: errorCounts.nullable().meta({ description: 'null: the texts are too long for that' }),
          diff: z
            .array(
              z.object({
                op: z.enum(['equal', 'substitution', 'deletion', 'insertion']),
                reference: z.string().nullable(),
                hypothesis: z.string().nullable(),
              }),
            )
            .meta({ description: 'In order, normalised; equal tokens that follow each other are one entry' }),
        }),
      ),
    }),
    z.object({
      object: z.literal('evaluation'),
      kind: z.literal('speakers'),
      collar: z.number(),
      skip_overlap: z.boolean(),
      results: z.array(
        z.object({
          label: z.string().nullable(),
          der: z.number(),
          miss: z.number().meta({ description: 'Seconds, as those below' }),
          false_alarm: z.number(),
          confusion: z.number(),
          reference: z.number().meta({ description: 'Speech of the reference' }),
        }),
      ),
    }),
    z.object({
      object: z.literal('evaluation'),
      kind: z.literal('separation'),
      results: z.array(
        z.object({
          label: z.string().nullable(),
          si_sdr: decibels,
          sdr: decibels,
          seconds: z.number().meta({ description: 'Compared: as long as both last' }),
        }),
      ),
    }),
  ])
  .meta({ id: 'Evaluation' });
export type Evaluation = z.infer<typeof evaluation>;
