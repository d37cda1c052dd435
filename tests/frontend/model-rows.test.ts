/** A model's row: what can be done with it, how its download goes, which filters it passes. */
import { describe, expect, test } from 'vitest';
import { downloadPace } from '../../frontend/src/features/models/download-pace.ts';
import { filterModels } from '../../frontend/src/features/models/filter-models.ts';
import { actionsFor } from '../../frontend/src/features/models/model-action-list.ts';
import { settingValue, suggestedId } from '../../frontend/src/features/models/new-model.ts';
import { adminModel, adminReplica } from '../support/admin-model.ts';

const download = { phase: 'downloading' as const, bytes_per_second: 100, eta_seconds: 9, stalled_seconds: 0 };
const { files } = adminModel({ id: 'a' });

describe('the first action', () => {
  test.each([
    ['download', { files }],
    ['pause', { files: { ...files, state: 'downloading' as const, download } }],
    ['resume', { files: { ...files, download: { ...download, phase: 'paused' as const } } }],
    ['retryDownload', { files: { ...files, state: 'failed' as const } }],
    ['load', { files: { ...files, state: 'present' as const } }],
    ['unload', { files: { ...files, state: 'present' as const }, replicas: [adminReplica({ state: 'ready' })] }],
    ['reload', { files: { ...files, state: 'present' as const }, status: 'failed' as const }],
  ])('%s', (action, fields) => {
    expect(actionsFor(adminModel({ id: 'a', ...fields }))[0]).toBe(action);
  });
});

test('only what an operator added is removed, and not while it is in use', () => {
  const here = { files: { ...files, state: 'present' as const } };
  expect(actionsFor(adminModel({ id: 'a', ...here }))).not.toContain('remove');
  expect(actionsFor(adminModel({ id: 'a', ...here, registered: true }))).toContain('remove');
  const running = { ...here, replicas: [adminReplica({ state: 'ready' })], registered: true };
  expect(actionsFor(adminModel({ id: 'a', ...running }))).not.toContain('remove');
});

describe('the pace of a download', () => {
  test('one thing at a time: stalled instead of a rate, a phase instead of both', () => {
    expect(downloadPace(download)).toEqual({ kind: 'rate', bytesPerSecond: 100, etaSeconds: 9 });
    expect(downloadPace({ ...download, stalled_seconds: 20 })).toEqual({ kind: 'stalled', seconds: 20 });
    expect(downloadPace({ ...download, bytes_per_second: null })).toEqual({ kind: 'phase', phase: 'begins' });
    expect(downloadPace({ ...download, phase: 'verifying' })).toEqual({ kind: 'phase', phase: 'verifying' });
    expect(downloadPace({ ...download, phase: 'paused', stalled_seconds: 9 })).toEqual({ kind: 'paused' });
  });
});

describe('filters', () => {
  const models = [
    adminModel({ id: 'whisper-small', status: 'ready' }),
    adminModel({ id: 'htdemucs', task: 'separation', family: 'demucs', license: 'CC-BY' }),
  ];
  test.each([
    [{ q: 'WHISPER' }, ['whisper-small']],
    [{ q: 'cc-by' }, ['htdemucs']],
    [{ status: 'ready' as const }, ['whisper-small']],
    [{ task: 'separation' }, ['htdemucs']],
    [{ status: 'ready' as const, task: 'separation' }, []],
    [{}, ['whisper-small', 'htdemucs']],
  ])('%j', (filter, ids) => {
    expect(filterModels(models, filter).map(({ id }) => id)).toEqual(ids);
  });
});

describe('a new model', () => {
  test.each([
    ['onnx-community/Whisper Large', 'whisper-large'],
    ['org/_odd', 'odd'],
    ['org/v2.1-X', 'v2.1-x'],
  ])('%s → %s', (repo, id) => {
    expect(suggestedId(repo)).toBe(id);
  });
  test('a setting is JSON where it is JSON', () => {
    expect(settingValue('4')).toBe(4);
    expect(settingValue('["vocals"]')).toEqual(['vocals']);
    expect(settingValue('vocals')).toBe('vocals');
  });
});
