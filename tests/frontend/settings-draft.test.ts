import { expect, test } from 'vitest';
import { type Settings, updateSettingsRequest } from '../../backend/src/contract/settings.ts';
import {
  changedSettings,
  draftOf,
  draftProblems,
  toPatch,
} from '../../frontend/src/features/settings/settings-draft.ts';

const SETTINGS: Settings = {
  object: 'settings',
  aliases: { value: { 'whisper-1': 'whisper-tiny', fast: 'whisper-base' }, default: {}, overridden: true },
  preload_models: { value: [], default: [], overridden: false },
  job_retention_days: { value: 30, default: 30, overridden: false },
  upload_retention_hours: { value: 5, default: 24, overridden: true },
};
const DRAFT = draftOf(SETTINGS);

test('what nobody touched is no change, in whatever order it stands', () => {
  expect(changedSettings(SETTINGS, DRAFT)).toEqual([]);
  const turned = { ...DRAFT, aliases: DRAFT.aliases?.toReversed() ?? null };
  expect(changedSettings(SETTINGS, turned)).toEqual([]);
  expect(toPatch(SETTINGS, turned)).toEqual({});
});

test('only what changed is sent; null gives a setting back to the environment', () => {
  const draft = { ...DRAFT, aliases: [{ alias: ' new ', model: 'whisper-tiny' }], uploadHours: null };
  expect(changedSettings(SETTINGS, draft)).toEqual(['aliases', 'uploadHours']);
  const patch = toPatch(SETTINGS, draft);
  expect(patch).toEqual({ aliases: { new: 'whisper-tiny' }, upload_retention_hours: null });
  expect(updateSettingsRequest.parse(patch)).toEqual(patch);
});

test('the environment’s own value, set here, is a change: it stays when the environment’s does not', () => {
  expect(toPatch(SETTINGS, { ...DRAFT, jobDays: '30', preload: 'present' })).toEqual({
    job_retention_days: 30,
    preload_models: 'present',
  });
});

test.each([
  ['aliases', { aliases: [{ alias: 'two words', model: 'm' }] }],
  ['aliases', { aliases: [{ alias: 'a', model: '' }] }],
  [
    'aliases',
    {
      aliases: [
        { alias: 'a', model: 'm' },
        { alias: 'a ', model: 'n' },
      ],
    },
  ],
  ['jobDays', { jobDays: '0' }],
  ['jobDays', { jobDays: '' }],
  ['uploadHours', { uploadHours: '1.5' }],
])('%s cannot be %j', (field, fields) => {
  expect([...draftProblems({ ...DRAFT, ...fields })]).toEqual([field]);
});

test('no aliases and no hours at all can be set', () => {
  expect([...draftProblems({ ...DRAFT, aliases: [], uploadHours: '0' })]).toEqual([]);
});
