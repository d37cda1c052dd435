import { expect, it } from 'vitest';
import { DEFAULT_MODEL_LIST, loadModelList } from '../../backend/src/models/load-model-list.ts';
import { needsConfirmation } from '../../backend/src/registry/licenses.ts';

it.each([
  ...['unknown', '', 'CC-BY-NC-4.0', 'cc-by-nc-sa-4.0', 'MIT (disputed: CC-BY-NC-4.0)', 'other', 'openrail', 'MIT/NC'],
])('asks about %j', (license) => {
  expect(needsConfirmation(license)).toBe(true);
});

it.each(['MIT', 'apache-2.0', 'CC-BY-4.0', ' BSD-3-Clause ', 'cc0-1.0'])('does not ask about %j', (license) => {
  expect(needsConfirmation(license)).toBe(false);
});

it('asks about HTDemucs alone of the models that come with the gateway', async () => {
  const models = (await loadModelList(DEFAULT_MODEL_LIST)).flatMap(({ models }) => models);
  const asked = models.filter(({ license }) => needsConfirmation(license)).map(({ id }) => id);
  expect(asked).toEqual(['htdemucs', 'htdemucs-6s', 'htdemucs-ft', 'htdemucs-light']);
});
