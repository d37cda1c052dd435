/** Every job's beginning and end in the audit log. */
import { appendAudit } from '../store/audit.ts';
import type { JobHooks } from './job-hooks.ts';
import { publicJobId } from './job-id.ts';

export const auditJobs: JobHooks = {
  async created(transaction, job, { isRetry = false }) {
    await appendAudit(transaction, {
      actor: job.owner,
      action: isRetry ? 'job.retried' : 'job.created',
      subject: publicJobId(job.id),
      result: 'success',
      ...(job.input_bytes === null ? {} : { size: job.input_bytes }),
    });
  },
  async ended(transaction, job) {
    await appendAudit(transaction, {
      actor: job.owner,
      action: `job.${job.status}`,
      subject: publicJobId(job.id),
      result: job.status === 'failed' ? 'failure' : 'success',
      errorCode: job.error?.code,
    });
  },
};
