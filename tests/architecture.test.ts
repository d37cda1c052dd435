/** What may import what (doc/architecture.md), and what must not be in the repository. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from './support/shared.ts';

/** Tracked and new files, not ignored ones; a file deleted but not yet committed is left out. */
function projectFiles(...patterns: string[]): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns], {
    cwd: PROJECT_ROOT,
    encoding: 'utf8',
  });
  const deleted = execFileSync('git', ['ls-files', '--deleted'], { cwd: PROJECT_ROOT, encoding: 'utf8' }).split('\n');
  return listed.split('\n').filter((path) => path !== '' && !deleted.includes(path));
}

const BACKEND = join(PROJECT_ROOT, 'backend/src');

/** Folder (or root file) of backend/src → what it may import there, besides itself and EVERYWHERE. */
const MAY_IMPORT: Record<string, string[]> = {
  'main.ts': ['app.ts', 'config.ts'],
  'app.ts': ['*'],
  commands: [
    'sync-folder.ts',
    'config.ts',
    'jobs',
    'store',
    'doctor',
    'gpu',
    'hub',
    'registry',
    'models/load-model-list.ts',
  ],
  'config.ts': ['misspelled.ts'],
  'misspelled.ts': [],
  doctor: ['worker', 'hub'],
  'file-lock.ts': [],
  'free-space.ts': [],
  'hash-file.ts': [],
  'sync-folder.ts': [],
  'retry.ts': [],
  'stall-guard.ts': ['retry.ts'],
  http: [
    'services',
    'jobs',
    'store',
    'registry',
    'text',
    'file-lock.ts',
    'free-space.ts',
    'hash-file.ts',
    'rate-limits.ts',
  ],
  services: ['registry', 'jobs', 'outbound', 'hub', 'audio', 'text', 'models/define-model.ts'],
  jobs: ['sync-folder.ts', 'outbound', 'store'],
  registry: ['worker', 'hub', 'gpu', 'models/define-model.ts', 'hash-file.ts'],
  worker: ['models/define-model.ts', 'models/load-model-list.ts', 'audio'],
  models: ['audio', 'text'],
  audio: ['text'],
  text: [],
  hub: ['sync-folder.ts', 'file-lock.ts', 'hash-file.ts', 'retry.ts', 'stall-guard.ts'],
  gpu: [],
  outbound: ['retry.ts', 'stall-guard.ts'],
  store: ['file-lock.ts', 'rate-limits.ts', 'registry/memory-types.ts'],
  contract: [],
  'errors.ts': [],
  'logger.ts': [],
  'abortable.ts': [],
  'rate-limits.ts': [],
  observability: [],
};
const EVERYWHERE = ['contract', 'errors.ts', 'logger.ts', 'observability', 'abortable.ts'];

const TOP_LEVEL = [
  ...['.ci', '.github', 'backend', 'deploy', 'doc', 'frontend', 'starter-models', 'tests'],
  ...['README.md', 'LICENSE', 'start.sh', 'test.sh', 'build_docker.sh', 'run_docker.sh', 'Dockerfile'],
  ...['package.json', 'package-lock.json', 'tsconfig.base.json', 'biome.json'],
  ...['.dockerignore', '.gitignore', '.npmrc'],
];

interface Import {
  from: string;
  to: string;
}

function importsOf(path: string): string[] {
  const source = readFileSync(join(PROJECT_ROOT, path), 'utf8');
  return [...source.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, specifier]) => specifier ?? '');
}

function backendImports(): Import[] {
  return projectFiles('backend/src/**.ts').flatMap((path) =>
    importsOf(path)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => {
        const target = resolve(PROJECT_ROOT, dirname(path), specifier);
        return { from: relative(BACKEND, join(PROJECT_ROOT, path)), to: relative(BACKEND, target) };
      }),
  );
}

const areaOf = (path: string) => path.split('/')[0] ?? path;

describe('architecture', () => {
  it('imports go one way', () => {
    const violations = backendImports().filter(({ from, to }) => {
      const allowed = MAY_IMPORT[areaOf(from)];
      if (allowed === undefined) return true;
      if (areaOf(from) === areaOf(to) || allowed.includes('*')) return false;
      return ![...allowed, ...EVERYWHERE].some((item) => to === item || areaOf(to) === item);
    });
    expect(violations).toEqual([]);
  });

  it('a model family imports no other family', () => {
    const violations = backendImports().filter(({ from, to }) => {
      const [area, family] = from.split('/');
      const [toArea, toFamily, inner] = to.split('/');
      return (
        area === 'models' &&
        toArea === 'models' &&
        inner !== undefined &&
        family !== toFamily &&
        from !== 'models/index.ts'
      );
    });
    expect(violations).toEqual([]);
  });

  it('ONNX Runtime is imported by worker/onnx.ts alone, and the environment is read by programs alone', () => {
    const files = projectFiles('backend/src/**.ts');
    const importers = files.filter((path) => importsOf(path).some((specifier) => specifier.startsWith('onnxruntime')));
    expect(importers).toEqual(['backend/src/worker/onnx.ts']);
    const readers = files.filter((path) =>
      /process\.env\b(?!\.ORT_DISABLE_TELEMETRY)/.test(readFileSync(join(PROJECT_ROOT, path), 'utf8')),
    );
    expect(readers.filter((path) => !path.startsWith('backend/src/commands/'))).toEqual(['backend/src/main.ts']);
  });

  it('contract imports only zod', () => {
    const foreign = projectFiles('backend/src/contract/**.ts')
      .flatMap(importsOf)
      .filter((specifier) => specifier !== 'zod' && !/^\.\/[\w-]+\.ts$/.test(specifier));
    expect(foreign).toEqual([]);
  });

  it('the frontend takes nothing from the backend but the contract', () => {
    const outside = projectFiles('frontend/src/**.ts', 'frontend/src/**.tsx').flatMap((path) =>
      importsOf(path).filter(
        (specifier) =>
          specifier.startsWith('.') &&
          !resolve(PROJECT_ROOT, dirname(path), specifier).startsWith(join(PROJECT_ROOT, 'frontend/src')),
      ),
    );
    expect(outside).toEqual([]);
  });

  it('imports of the frontend go one way, and its screens know nothing of each other', () => {
    const mayImport: Record<string, string[]> = {
      app: ['features', 'components', 'api', 'lib'],
      features: ['components', 'api', 'lib'],
      components: ['api', 'lib'],
      api: ['lib'],
      lib: [],
    };
    const violations = projectFiles('frontend/src/**.ts', 'frontend/src/**.tsx').flatMap((path) => {
      const [area = '', feature] = path.replace('frontend/src/', '').split('/');
      return importsOf(path)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => relative('frontend/src', join(dirname(path), specifier)))
        .filter((target) => {
          const [toArea = '', toFeature] = target.split('/');
          if (area !== toArea) return mayImport[area]?.includes(toArea) !== true;
          return area === 'features' && feature !== toFeature;
        })
        .map((target) => `${path} → ${target}`);
    });
    expect(violations).toEqual([]);
  });

  it('has a top level that can be taken in at a glance', () => {
    const top = new Set(projectFiles().map((path) => path.split('/')[0]));
    expect([...top].sort()).toEqual([...TOP_LEVEL].sort());
  });

  it('holds no machine path and no package registry', () => {
    const machinePath = /(^|[^\w.])\/(work|farm|root|home\/\w+)\//;
    const registryHost =
      /registry\.npmjs\.org|pypi\.org\/simple|files\.pythonhosted\.org|deb\.debian\.org|static\.crates\.io/;
    const self = 'tests/architecture.test.ts';
    const texts = [
      '*.ts',
      '*.tsx',
      '*.json',
      '*.md',
      '*.sh',
      '*.yml',
      '*.html',
      '.npmrc',
      '.ci/*',
      '*Dockerfile',
      '*ignore',
    ];
    const offenders = projectFiles(...texts)
      .filter((path) => path !== self)
      .filter((path) => {
        const text = readFileSync(join(PROJECT_ROOT, path), 'utf8');
        return machinePath.test(text) || registryHost.test(text);
      });
    expect(offenders).toEqual([]);
  });
});
