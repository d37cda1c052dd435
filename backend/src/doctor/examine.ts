/** Makes the checks, all at once and each within its time, and puts what they found in their order. */
import { abortable } from '../abortable.ts';
import type { DoctorFinding, DoctorReport } from '../contract/doctor.ts';
import { type Check, fail, reasonOf } from './check.ts';

/** Never rejects: a check that fails or hangs is a finding among the others. */
export async function examine(checks: readonly Check[], signal: AbortSignal): Promise<DoctorReport> {
  const startedAt = Date.now();
  const data = (await Promise.all(checks.map((check) => make(check, signal)))).flat();
  const status = data.some((finding) => finding.status === 'fail')
    ? 'fail'
    : data.some((finding) => finding.status === 'warn')
      ? 'warn'
      : 'ok';
  const seconds = (Date.now() - startedAt) / 1000;
  return { object: 'doctor.report', status, examined_at: Math.floor(startedAt / 1000), seconds, data };
}

async function make({ id, timeoutMs, run }: Check, signal: AbortSignal): Promise<DoctorFinding[]> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const both = AbortSignal.any([signal, timeout]);
  try {
    // The signal ends what the check has started; one that does not listen keeps nobody waiting.
    return await abortable(run(both), both);
  } catch (error) {
    const summary = timeout.aborted
      ? `It was not known after ${timeoutMs / 1000} s.`
      : `It could not be examined: ${reasonOf(error)}`;
    return [fail(id, { summary, fix: 'Run the doctor again; if it stays so, see what the machine is busy with.' })];
  }
}
