/** `GET /api/admin/overview`: what the first page shows, from what is known anyway; pages ask for it every few seconds. */
import type { DoctorReport } from '../../contract/doctor.ts';
import type { GpuList } from '../../contract/gpus.ts';
import type { Health } from '../../contract/health.ts';
import { type Failure, type Overview, overview, type Traffic } from '../../contract/overview.ts';
import type { Route } from '../route.ts';
import { adminOperation } from './operation.ts';

export interface OverviewOptions {
  health(): Promise<Health>;
  traffic: { read(): Traffic; failures: Failure[] };
  countJobs(): Promise<{ queued: number; running: number }>;
  /** Does not wait for an examination. */
  doctor: { latest(): DoctorReport | undefined };
  gpus: { current(): GpuList };
}

/** Pages that ask at the same time share what takes a look at the disk and the database. */
const SHARED_MS = 1_000;

export function adminOverviewRoute(options: OverviewOptions): Route {
  const { health, traffic, countJobs, doctor, gpus } = options;
  let looked: { at: number; found: Promise<[Health, Overview['jobs']]> } | undefined;
  const look = () => {
    if (looked === undefined || performance.now() - looked.at > SHARED_MS) {
      const found = Promise.all([health(), countJobs().catch(() => null)]);
      looked = { at: performance.now(), found };
    }
    return looked.found;
  };
  return {
    method: 'get',
    path: '/api/admin/overview',
    operation: adminOperation(
      'adminOverview',
      'Health, traffic of the last hour, failures, warnings and GPUs at a glance',
      {
        answer: overview,
      },
    ),
    handle: async (_request, response) => {
      const [healthNow, jobs] = await look();
      const answer: Overview = {
        object: 'overview',
        at: Date.now() / 1000,
        health: healthNow,
        traffic: traffic.read(),
        jobs,
        failures: traffic.failures,
        doctor: warningsOf(doctor.latest()),
        gpus: tilesOf(gpus.current()),
      };
      response.set('cache-control', 'no-store').json(answer);
    },
  };
}

function warningsOf(report: DoctorReport | undefined): Overview['doctor'] {
  if (report === undefined) return null;
  const { status, examined_at, data } = report;
  return { status, examined_at, findings: data.filter((finding) => finding.status !== 'ok') };
}

function tilesOf({ state, reason, rev, data }: GpuList): Overview['gpus'] {
  return {
    state,
    reason,
    rev,
    data: data.map((gpu) => ({
      index: gpu.index,
      uuid: gpu.uuid,
      name: gpu.name,
      state: gpu.state,
      memory_total_bytes: gpu.memory_total_bytes,
      memory_used_bytes: gpu.memory_used_bytes,
      utilization_percent: gpu.utilization_percent,
      temperature_celsius: gpu.temperature_celsius,
      power_watts: gpu.power_watts,
      slowdown_reasons: gpu.slowdown_reasons,
    })),
  };
}
