/** What operators send and get when they manage models' files, register models, and set the hub's token. */
import { z } from 'zod';

/** `/api/admin/models/{key}/…`. */
export const modelKeyPath = z.object({ key: z.string().meta({ description: 'Id or alias, percent-encoded' }) });

/** As the catalog's: what stands in URLs, lists of the configuration and file names. */
const modelId = z
  .string()
  .max(200)
  .regex(/^[a-z0-9][\w.-]*(\/[\w-][\w.-]*)*$/, 'lower-case letter or digit first, then letters, digits, and . _ - /');

export const registerModelRequest = z
  .strictObject({
    id: modelId,
    repo: z.string().max(200).meta({ description: '`org/name` on the hub' }),
    revision: z.string().max(255).default('main').meta({ description: 'Branch, tag or commit' }),
    family: z.string().max(100),
    settings: z
      .record(z.string(), z.json())
      // What JSON may hold and the database may not.
      .refine((settings) => !JSON.stringify(settings).includes('\\u0000'), 'no NUL characters')
      .default({})
      .meta({ description: "The family's; what is left out follows from the repository's files where it can" }),
  })
  .meta({ id: 'RegisterModelRequest' });
export type RegisterModelRequest = z.infer<typeof registerModelRequest>;

export const preflightRequest = z
  .strictObject({
    repo: z.string().trim().min(1).max(500).meta({ description: '`org/name` on the hub, or the address of its page' }),
    revision: z.string().max(255).optional().meta({ description: 'Default: what the address says, else `main`' }),
    family: z.string().max(100).optional().meta({ description: 'Default: the one that can take it' }),
  })
  .meta({ id: 'ModelPreflightRequest' });
export type PreflightRequest = z.infer<typeof preflightRequest>;

export const modelPreflight = z
  .object({
    object: z.literal('model.preflight'),
    repo: z.string(),
    revision: z.string(),
    commit: z.string(),
    license: z.string().nullable().meta({ description: 'As its card says' }),
    gated: z.enum(['auto', 'manual']).nullable().meta({ description: 'Its licence must be accepted first' }),
    accessible: z.boolean().meta({ description: 'The files can be fetched, with the token that is stored' }),
    supported: z.boolean(),
    family: z.string().nullable().meta({ description: 'That takes it; null: none does, or several could' }),
    task: z.string().nullable(),
    reason: z.string().nullable().meta({ description: 'Why it cannot be added so' }),
    candidates: z.array(
      z.object({
        family: z.string(),
        task: z.string(),
        supported: z.boolean(),
        param: z.string().nullable().meta({ description: 'A setting that `POST /api/admin/models` must name' }),
        reason: z.string().nullable(),
      }),
    ),
    models: z.array(z.string()).meta({ description: 'Ids of models of this server that are of this repository' }),
    files: z
      .array(z.object({ repo: z.string(), path: z.string(), bytes: z.int() }))
      .meta({ description: 'That would be fetched; what it needs of other repositories too' }),
    total_bytes: z.int(),
    missing_bytes: z.int().meta({ description: 'Not in the cache yet' }),
    free_bytes: z.int().meta({ description: "Of the cache's disk" }),
    free_bytes_after: z.int().meta({ description: 'Negative: it does not fit' }),
    fits: z.boolean().meta({ description: 'MIN_FREE_DISK_MB stays free' }),
  })
  .meta({ id: 'ModelPreflight' });
export type ModelPreflight = z.infer<typeof modelPreflight>;

export const cancelDownloadRequest = z
  .strictObject({
    discard: z
      .boolean()
      .default(false)
      .meta({ description: 'Delete what was fetched; else the next download takes it' }),
  })
  .meta({ id: 'CancelDownloadRequest' });

export const deletedModel = z
  .object({ id: z.string(), object: z.literal('model'), deleted: z.literal(true) })
  .meta({ id: 'DeletedModel' });

export const deletedArtifacts = z
  .object({
    id: z.string(),
    object: z.literal('model.artifacts'),
    deleted_bytes: z.int().meta({ description: 'Files that other models need stay' }),
  })
  .meta({ id: 'DeletedModelArtifacts' });

export const hubTokenRequest = z
  .strictObject({ token: z.string().trim().min(8).max(1_000) })
  .meta({ id: 'HubTokenRequest' });

export const hubTokenState = z
  .object({
    object: z.literal('huggingface.token'),
    present: z.boolean(),
    source: z
      .enum(['environment', 'file'])
      .nullable()
      .meta({ description: 'Whose token is used: the environment wins over a stored one' }),
  })
  .meta({ id: 'HubTokenState' });
export type HubTokenState = z.infer<typeof hubTokenState>;

export const hubTokenTest = z
  .strictObject({
    token: z
      .string()
      .trim()
      .min(8)
      .max(1_000)
      .optional()
      .meta({ description: 'Another than the one in use; it is not stored' }),
  })
  .meta({ id: 'HubTokenTest' });

export const testedHubToken = hubTokenState
  .extend({
    user: z.string().nullable().meta({ description: 'The account; null when it is not known' }),
    valid: z.boolean().nullable().meta({ description: 'null: there is none, or the hub could not be asked' }),
  })
  .meta({ id: 'TestedHubToken' });
export type TestedHubToken = z.infer<typeof testedHubToken>;

export const checkedHubToken = hubTokenState
  .extend({
    user: z
      .string()
      .nullable()
      .meta({ description: "The account of the token that was sent; null when the hub doesn't say" }),
    valid: z.literal(true).nullable().meta({ description: 'null: the hub could not be asked' }),
  })
  .meta({ id: 'CheckedHubToken' });
export type CheckedHubToken = z.infer<typeof checkedHubToken>;
