/** Licences as an operator must judge them. */
import type { AdminModel } from '@contract/admin.ts';

/** `other`: not known to the server as one that allows any use. */
export type LicenseKind = 'disputed' | 'nonCommercial' | 'unknown' | 'other';

/** Why a licence needs somebody to read it; null: no card names one. */
export function licenseKind(license: string | null): LicenseKind {
  const text = license?.trim().toLowerCase() ?? '';
  if (/disputed/.test(text)) return 'disputed';
  if (/\bnc\b|non-?commercial/.test(text)) return 'nonCommercial';
  return ['', 'unknown', 'other'].includes(text) ? 'unknown' : 'other';
}

/** Nothing can be done with such a model before an admin has confirmed its licence. */
export function isUnconfirmed({ license_confirmation }: Pick<AdminModel, 'license_confirmation'>): boolean {
  return license_confirmation.required && license_confirmation.confirmed_at === null;
}

export const LICENSE_TEXTS = {
  disputed: 'licenceDisputed',
  nonCommercial: 'licenceNonCommercial',
  unknown: 'licenceNotStated',
  other: 'licenceOther',
} as const satisfies Record<LicenseKind, string>;
