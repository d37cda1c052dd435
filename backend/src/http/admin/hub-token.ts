/** `/api/admin/huggingface/token`: the token that gated and private repositories are downloaded with. No answer holds it. */
import type { Response } from 'express';
import {
  checkedHubToken,
  hubTokenRequest,
  hubTokenState,
  hubTokenTest,
  testedHubToken,
} from '../../contract/model-admin.ts';
import type { HubTokenService } from '../../services/hub-token.ts';
import { readJson } from '../json-body.ts';
import { contextOf, principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { type AuditLog, audited } from './audited.ts';
import { adminOperation } from './operation.ts';

const path = '/api/admin/huggingface/token';

export function hubTokenRoutes(token: HubTokenService, audit: AuditLog): Route[] {
  const note = (response: Response, action: string) =>
    audit.append({ actor: principalOf(response).id, action, result: 'success' });
  return [
    {
      method: 'get',
      path,
      operation: adminOperation('hubToken', 'Whether there is a token of the hub', { answer: hubTokenState }),
      handle: async (_request, response) => {
        response.json(await token.describe());
      },
    },
    {
      method: 'post',
      path: `${path}/test`,
      operation: adminOperation('testHubToken', 'Asks the hub whose token it is; nothing is stored', {
        body: hubTokenTest,
        answer: testedHubToken,
        errors: [400, 413],
      }),
      handle: async (request, response) => {
        const body = await readJson(request, response, hubTokenTest);
        response.json(await token.test(body.token, contextOf(response).signal));
      },
    },
    {
      method: 'post',
      path,
      operation: adminOperation('setHubToken', 'Stores a token, unless the hub refuses it', {
        body: hubTokenRequest,
        answer: checkedHubToken,
        errors: [400, 413],
      }),
      handle: audited(audit, 'hub_token.set', async (request, response) => {
        const body = await readJson(request, response, hubTokenRequest);
        const checked = await token.save(body.token, contextOf(response).signal);
        await note(response, 'hub_token.set');
        response.json(checked);
      }),
    },
    {
      method: 'delete',
      path,
      operation: adminOperation('deleteHubToken', "Removes the stored token; the environment's stays", {
        answer: hubTokenState,
      }),
      handle: audited(audit, 'hub_token.delete', async (_request, response) => {
        const state = await token.remove();
        await note(response, 'hub_token.delete');
        response.json(state);
      }),
    },
  ];
}
