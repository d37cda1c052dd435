import { expect, test } from 'vitest';
import { isUnconfirmed, licenseKind } from '../../frontend/src/features/models/license-kind.ts';

test.each([
  ['MIT (disputed: CC-BY-NC-4.0)', 'disputed'],
  ['cc-by-nc-4.0', 'nonCommercial'],
  ['CC BY-NC-SA 3.0', 'nonCommercial'],
  ['Research, non-commercial', 'nonCommercial'],
  ['unknown', 'unknown'],
  ['other', 'unknown'],
  [null, 'unknown'],
  ['license-with-its-own-terms', 'other'],
  ['MIT-INC-1.0', 'other'],
] as const)('%s is %s', (license, kind) => {
  expect(licenseKind(license)).toBe(kind);
});

test('what needs no confirmation, or has one, holds nothing up', () => {
  const license_confirmation = { required: true, confirmed_at: null, confirmed_by: null };
  expect(isUnconfirmed({ license_confirmation })).toBe(true);
  expect(isUnconfirmed({ license_confirmation: { ...license_confirmation, required: false } })).toBe(false);
  expect(isUnconfirmed({ license_confirmation: { ...license_confirmation, confirmed_at: 0 } })).toBe(false);
});
