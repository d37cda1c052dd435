import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  linkTarget,
  lockPath,
  refPath,
  repoFolder,
  repoOfFolder,
  snapshotFile,
} from '../../backend/src/hub/cache-layout.ts';
import { downloadSnapshot } from '../../backend/src/hub/download.ts';
import { findSnapshot } from '../../backend/src/hub/snapshot.ts';
import { hubFixture } from '../support/hub-fixture.ts';

const COMMIT = 'a'.repeat(40);

describe('names that could lead out of the cache are refused before anything is requested or written', () => {
  const FILES = ['/etc/passwd', '../x', 'a/../x', 'a//b', '', 'a/', './a', 'a\\b', '..\\x', 'a\0b', 'C:/x', '..'];
  const REPOS = [
    '',
    'a/b/c',
    '../x',
    'a/..',
    'a--b/c',
    'a/b--c',
    '/x',
    'a/',
    'a b/c',
    'a/b?c',
    'a\\b',
    '.a/b',
    'a/b.',
    'a/%2e',
  ];
  const REVISIONS = ['', '../x', 'a/../b', '/a', 'a/', 'a//b', '.a', 'a b', 'a?b', 'a#b', 'x.lock', 'a\\b', 'a\0', 'é'];
  const cases = [
    ...FILES.map((file) => ({ files: ['config.json', file] })),
    ...REPOS.map((repo) => ({ repo })),
    ...REVISIONS.map((revision) => ({ revision })),
    { files: [] },
  ];

  test.each(cases)('%j', async (bad) => {
    const { hub, cacheDir, options } = await hubFixture();
    await expect(downloadSnapshot(options(bad))).rejects.toMatchObject({ code: 'invalid_value' });
    await expect(findSnapshot(cacheDir, options(bad))).rejects.toMatchObject({ code: 'invalid_value' });
    expect(hub.requests).toEqual([]);
  });
});

test('the layout is that of Python huggingface_hub', () => {
  expect(repoFolder('/c', 'org/name')).toBe('/c/models--org--name');
  expect(repoFolder('/c', 'gpt2')).toBe('/c/models--gpt2');
  expect(refPath('/c', 'org/name', 'refs/pr/1')).toBe('/c/models--org--name/refs/refs/pr/1');
  expect(snapshotFile('/c', 'org/name', COMMIT, 'a/b.txt')).toBe(`/c/models--org--name/snapshots/${COMMIT}/a/b.txt`);
  expect(lockPath('/c', 'org/name', 'abc')).toBe(join('/c/.locks/models--org--name', 'abc.sqlite.lock'));
  expect(linkTarget('a.txt', 'oid')).toBe('../../blobs/oid');
  expect(linkTarget('a/b/c.txt', 'oid')).toBe('../../../../blobs/oid');
});

test('folder names are turned back into repositories, and other folders into none', () => {
  expect(repoOfFolder('models--org--some-name_1.5')).toBe('org/some-name_1.5');
  expect(repoOfFolder('models--gpt2')).toBe('gpt2');
  for (const other of ['datasets--a--b', '.locks', 'models--', 'models--a--b--c', 'models--..--x', 'version.txt']) {
    expect(repoOfFolder(other)).toBeUndefined();
  }
});
