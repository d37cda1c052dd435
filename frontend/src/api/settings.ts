/** What operators may set while the gateway runs, and the hub's token, which is only ever written. */
import {
  checkedHubToken,
  hubTokenRequest,
  hubTokenState,
  hubTokenTest,
  testedHubToken,
} from '@contract/model-admin.ts';
import { settings, updateSettingsRequest } from '@contract/settings.ts';
import { queryOptions } from '@tanstack/react-query';
import { api, defineRoute } from './api.ts';
import { LIVE, liveInterval } from './live/live-interval.ts';
import { addLiveRules } from './live/live-rules.ts';
import { modelsQuery } from './models.ts';

const getSettings = defineRoute({ method: 'GET', path: '/api/admin/settings', answer: settings });
export const updateSettings = defineRoute({
  method: 'PATCH',
  path: '/api/admin/settings',
  body: updateSettingsRequest,
  answer: settings,
});

const TOKEN = '/api/admin/huggingface/token';
const getHubToken = defineRoute({ method: 'GET', path: TOKEN, answer: hubTokenState });
export const testHubToken = defineRoute({
  method: 'POST',
  path: `${TOKEN}/test`,
  body: hubTokenTest,
  answer: testedHubToken,
});
export const setHubToken = defineRoute({ method: 'POST', path: TOKEN, body: hubTokenRequest, answer: checkedHubToken });
export const deleteHubToken = defineRoute({ method: 'DELETE', path: TOKEN, answer: hubTokenState });

export const settingsQuery = queryOptions({
  queryKey: ['settings'],
  meta: LIVE,
  queryFn: ({ signal }) => api(getSettings, {}, { signal }),
  refetchInterval: liveInterval(),
});

export const hubTokenQuery = queryOptions({
  queryKey: ['hub-token'],
  queryFn: ({ signal }) => api(getHubToken, {}, { signal }),
});

addLiveRules({
  'settings.changed': (_event, client) => {
    void client.invalidateQueries({ queryKey: settingsQuery.queryKey });
    void client.invalidateQueries({ queryKey: modelsQuery.queryKey });
  },
});
