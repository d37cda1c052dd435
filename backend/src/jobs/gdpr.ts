/** Erasure and export as operators ask for them. */
import type { GdprErasure, GdprSubject } from '../contract/gdpr.ts';
import type { AuditEvent } from '../store/audit.ts';
import { erasureId, type Subject } from '../store/erasure.ts';
import type { Erasure } from './erasure.ts';
import { exportSubject, newExportId, type SubjectExportOptions } from './subject-export.ts';

export interface GdprServiceOptions extends SubjectExportOptions {
  erasure: Erasure;
  audit(event: AuditEvent): Promise<void>;
}

export interface GdprService {
  erase(subject: GdprSubject, actor: string): Promise<GdprErasure>;
  export(subject: GdprSubject, actor: string): Promise<AsyncIterable<string>>;
}

export function createGdprService({ erasure, audit, ...sources }: GdprServiceOptions): GdprService {
  return {
    async erase(subject, actor) {
      const row = await erasure.erase(toSubject(subject), actor);
      return {
        object: 'gdpr.erasure',
        id: erasureId(row),
        requested_at: seconds(row.requested_at),
        finished_at: seconds(row.finished_at ?? row.requested_at),
        counts: row.counts,
      };
    },
    async export(subject, actor) {
      await audit({ actor, action: 'gdpr.export', subject: newExportId(), result: 'success' });
      return exportSubject(toSubject(subject), sources);
    },
  };
}

function toSubject(subject: GdprSubject): Subject {
  return 'user' in subject ? { kind: 'user', value: subject.user } : { kind: 'key', value: subject.key_id };
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
