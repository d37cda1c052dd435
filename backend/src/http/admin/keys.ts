/** `/api/admin/keys`: keys made, listed, changed, rotated and revoked. A secret is in the answer that makes it, only. */
import { z } from 'zod';
import {
  type ApiKey,
  type ApiKeyWithSecret,
  apiKey,
  apiKeyList,
  apiKeyWithSecret,
  type CreateKeyRequest,
  createKeyRequest,
  type KeyScopes,
  type KeyUsage,
  keyUsage,
  type RotateKeyRequest,
  rotateKeyRequest,
  type UpdateKeyRequest,
  updateKeyRequest,
} from '../../contract/keys.ts';
import { GatewayError } from '../../errors.ts';
import { readJson } from '../json-body.ts';
import { principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { type AuditLog, audited } from './audited.ts';
import { adminOperation } from './operation.ts';

export interface KeyRecords {
  list(): Promise<ApiKey[]>;
  find(id: string): Promise<ApiKey | undefined>;
  create(actor: string, request: CreateKeyRequest): Promise<ApiKeyWithSecret>;
  update(actor: string, id: string, request: UpdateKeyRequest): Promise<ApiKey>;
  rotate(actor: string, id: string, request: RotateKeyRequest): Promise<ApiKeyWithSecret>;
  revoke(actor: string, id: string): Promise<ApiKey>;
}

export interface AdminKeysOptions {
  records: KeyRecords;
  /** Also of ids without a record: keys of the environment, and `anonymous`. */
  readUsage(id: string): Promise<KeyUsage>;
  /** Whether the id is that of a caller without a record. */
  isBuiltIn(id: string): boolean;
  /** Id of a model by its id or alias. */
  resolveModel(name: string): string | undefined;
  audit: AuditLog;
}

const path = '/api/admin/keys';
const idPath = z.object({ id: z.string() });

export function adminKeysRoutes(options: AdminKeysOptions): Route[] {
  const { records, audit } = options;
  return [
    {
      method: 'post',
      path,
      operation: adminOperation('createApiKey', 'A new key, with its secret', {
        body: createKeyRequest,
        status: 201,
        answer: apiKeyWithSecret,
        errors: [400, 413],
      }),
      handle: audited(audit, 'key.create', async (request, response) => {
        const body = await readJson(request, response, createKeyRequest);
        const key = await records.create(principalOf(response).id, withModelIds(body, options));
        response.status(201).set('cache-control', 'no-store').json(key);
      }),
    },
    {
      method: 'get',
      path,
      operation: adminOperation('listApiKeys', 'Every key, oldest first, revoked ones included', {
        answer: apiKeyList,
      }),
      handle: async (_request, response) => {
        response.json({ object: 'list', data: await records.list() });
      },
    },
    {
      method: 'get',
      path: `${path}/{id}`,
      operation: adminOperation('retrieveApiKey', 'One key', { path: idPath, answer: apiKey, errors: [404] }),
      handle: async (request, response) => {
        const found = await records.find(idOf(request.params));
        if (found === undefined) throw notFound();
        response.json(found);
      },
    },
    {
      method: 'patch',
      path: `${path}/{id}`,
      operation: adminOperation('updateApiKey', 'Other scopes, limits, expiry, name or webhook', {
        path: idPath,
        body: updateKeyRequest,
        answer: apiKey,
        errors: [400, 404, 409, 413],
      }),
      handle: audited(audit, 'key.update', async (request, response) => {
        const body = await readJson(request, response, updateKeyRequest);
        const actor = principalOf(response).id;
        response.json(await records.update(actor, idOf(request.params), withModelIds(body, options)));
      }),
    },
    {
      method: 'post',
      path: `${path}/{id}/rotate`,
      operation: adminOperation('rotateApiKey', 'A new secret for the same key; its jobs and usage stay', {
        path: idPath,
        body: rotateKeyRequest,
        answer: apiKeyWithSecret,
        errors: [400, 404, 409, 413],
      }),
      handle: audited(audit, 'key.rotate', async (request, response) => {
        const body = await readJson(request, response, rotateKeyRequest);
        const key = await records.rotate(principalOf(response).id, idOf(request.params), body);
        response.set('cache-control', 'no-store').json(key);
      }),
    },
    {
      method: 'post',
      path: `${path}/{id}/revoke`,
      operation: adminOperation('revokeApiKey', 'The key opens nothing any more, from the next request on', {
        path: idPath,
        answer: apiKey,
        errors: [404],
      }),
      handle: audited(audit, 'key.revoke', async (request, response) => {
        response.json(await records.revoke(principalOf(response).id, idOf(request.params)));
      }),
    },
    {
      method: 'get',
      path: `${path}/{id}/usage`,
      operation: adminOperation('apiKeyUsage', 'Audio seconds used and held, today and this month', {
        path: idPath,
        answer: keyUsage,
        errors: [404],
      }),
      handle: async (request, response) => {
        const id = idOf(request.params);
        if (!options.isBuiltIn(id) && (await records.find(id)) === undefined) throw notFound();
        response.json(await options.readUsage(id));
      },
    },
  ];
}

function idOf({ id }: Record<string, string | string[]>): string {
  return typeof id === 'string' ? id : '';
}

/** Aliases are turned into ids: an alias may mean another model tomorrow. @throws invalid_value */
function withModelIds<T extends { scopes?: Partial<KeyScopes> | undefined }>(
  request: T,
  { resolveModel }: Pick<AdminKeysOptions, 'resolveModel'>,
): T {
  const models = request.scopes?.models?.map((name) => {
    const id = resolveModel(name);
    if (id !== undefined) return id;
    throw new GatewayError('invalid_value', {
      message: `Invalid value for 'scopes.models': there is no model '${name}'. GET /v1/models lists them.`,
      param: 'scopes.models',
    });
  });
  return models === undefined ? request : { ...request, scopes: { ...request.scopes, models: [...new Set(models)] } };
}

function notFound(): GatewayError {
  return new GatewayError('key_not_found', { message: 'There is no API key with this id.' });
}
