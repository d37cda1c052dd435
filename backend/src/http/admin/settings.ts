/** `/api/admin/settings`: the environment's values, and what operators have set instead. */
import { settings, updateSettingsRequest } from '../../contract/settings.ts';
import type { OperatorSettings } from '../../services/settings.ts';
import { readJson } from '../json-body.ts';
import { principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { type AuditLog, audited } from './audited.ts';
import { adminOperation } from './operation.ts';

const path = '/api/admin/settings';

export function adminSettingsRoutes(operator: Pick<OperatorSettings, 'describe' | 'change'>, audit: AuditLog): Route[] {
  return [
    {
      method: 'get',
      path,
      operation: adminOperation('settings', 'What holds now, and what the environment says', { answer: settings }),
      handle: (_request, response) => {
        response.json(operator.describe());
      },
    },
    {
      method: 'patch',
      path,
      operation: adminOperation('updateSettings', 'Other settings, from now on and after restarts', {
        body: updateSettingsRequest,
        answer: settings,
        errors: [400, 413],
      }),
      handle: audited(audit, 'settings.update', async (request, response) => {
        const body = await readJson(request, response, updateSettingsRequest);
        response.json(await operator.change(principalOf(response).id, body));
      }),
    },
  ];
}
