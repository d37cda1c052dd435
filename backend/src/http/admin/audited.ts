/** Admin actions and the audit log: who did what is noted whether it worked or not. */
import type { Request, Response } from 'express';
import type { AuditChanges } from '../../contract/audit-changes.ts';
import { toGatewayError } from '../../errors.ts';
import { contextOf, principalOf } from '../request-context.ts';
import type { Route } from '../route.ts';

export interface AuditEvent {
  actor: string;
  action: string;
  subject?: string | undefined;
  size?: number | undefined;
  result: 'success' | 'failure';
  errorCode?: string | undefined;
  changes?: AuditChanges | undefined;
}

export interface AuditLog {
  append(event: AuditEvent): Promise<void>;
}

/** What callers put into a path is noted only when it looks like an id of ours: it might be anything. */
const OPAQUE_ID = /^([a-z]{3,10}_)?[0-9a-f-]{8,64}$/;

/**
 * An action whose success `handle` or its store notes, together with the change; a failure is noted here.
 * @param subjectOf what was acted on: an id that is known, or undefined.
 */
export function audited(
  log: AuditLog,
  action: string,
  handle: Route['handle'],
  subjectOf: (request: Request) => string | undefined = opaqueId,
): Route['handle'] {
  return async (request: Request, response: Response) => {
    try {
      await handle(request, response);
    } catch (error) {
      await log
        .append({
          actor: principalOf(response).id,
          action,
          subject: subjectOf(request),
          result: 'failure',
          errorCode: toGatewayError(error).code,
        })
        // The caller gets the reason of the failure, not that of the note.
        .catch((cause: unknown) =>
          contextOf(response).log.error('an audit row could not be written', { action, cause }),
        );
      throw error;
    }
  };
}

function opaqueId({ params: { id } }: Request): string | undefined {
  return typeof id === 'string' && OPAQUE_ID.test(id) ? id : undefined;
}
