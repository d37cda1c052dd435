/** Open without a key: what load balancers, orchestrators and people look at first. */
import { type Health, health, live } from '../../contract/health.ts';
import type { Check } from '../../services/readiness.ts';
import type { Route } from '../route.ts';

export interface HealthOptions {
  version: string;
  checks: () => Promise<Record<string, Check>>;
}

export async function describeHealth(version: string, readChecks: HealthOptions['checks']): Promise<Health> {
  const checks = await readChecks();
  const ok = Object.values(checks).every((check) => check.ok);
  return { status: ok ? 'ok' : 'unavailable', version, uptime_seconds: Math.round(process.uptime()), checks };
}

export function healthRoutes({ version, checks }: HealthOptions): Route[] {
  const answer = () => describeHealth(version, checks);
  const jsonHealth = { 'application/json': { schema: health } };
  return [
    {
      method: 'get',
      path: '/health',
      operation: {
        operationId: 'health',
        summary: 'Version and state of every dependency; always 200',
        tags: ['Operations'],
        responses: { '200': { description: 'The state', content: jsonHealth } },
      },
      handle: async (_request, response) => {
        response.json(await answer());
      },
    },
    {
      method: 'get',
      path: '/health/live',
      operation: {
        operationId: 'live',
        summary: 'The process answers',
        tags: ['Operations'],
        responses: { '200': { description: 'Alive', content: { 'application/json': { schema: live } } } },
      },
      handle: (_request, response) => {
        response.json({ status: 'ok' });
      },
    },
    {
      method: 'get',
      path: '/health/ready',
      operation: {
        operationId: 'ready',
        summary: 'Requests can be served: cache and data writable, ffmpeg answers, preloaded models ready',
        tags: ['Operations'],
        responses: {
          '200': { description: 'Ready', content: jsonHealth },
          '503': { description: 'Not ready, with the reasons', content: jsonHealth },
        },
      },
      handle: async (_request, response) => {
        const body = await answer();
        response.status(body.status === 'ok' ? 200 : 503).json(body);
      },
    },
  ];
}
