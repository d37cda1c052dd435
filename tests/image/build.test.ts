/** build_docker.sh, the Dockerfile and .dockerignore, as far as they can be judged without a build (`npm run verify:image`). */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/shared.ts';
import { fakeDocker, valuesOf } from './fake-docker.ts';

const project = async (name: string) => await readFile(join(PROJECT_ROOT, name), 'utf8');

describe('build_docker.sh', () => {
  const build = async (env: Record<string, string> = {}, args: string[] = [], program = 'docker') => {
    const called = await (await fakeDocker({ program })).call('build_docker.sh', args, env);
    return { ...called, build: called.calls[0] ?? [] };
  };

  it.each([
    [{}, 'cuda', '1'],
    [{ ORT_CUDA: '0' }, 'cuda', '0'],
    [{ TARGET: 'cpu' }, 'cpu', '0'],
  ])('%j', async (env, target, cuda) => {
    const called = await build(env, ['gateway:1']);
    expect(called.ok).toBe(true);
    expect(called.build[0]).toBe('build');
    expect(valuesOf(called.build, '--target')).toEqual([target]);
    expect(valuesOf(called.build, '--tag')).toEqual(['gateway:1']);
    expect(valuesOf(called.build, '--build-arg')).toContain(`ORT_CUDA=${cuda}`);
  });

  it('passes other bases on, and the version for the labels', async () => {
    const called = await build({ CUDA_BASE: 'mirror/cuda:12', DOCKER_BUILD_ARGS: '--no-cache --pull' });
    const { version } = JSON.parse(await project('package.json'));
    expect(valuesOf(called.build, '--build-arg')).toEqual(
      expect.arrayContaining([
        'CUDA_BASE=mirror/cuda:12',
        `VERSION=${version}`,
        expect.stringMatching(/^CREATED=\d{4}-/),
      ]),
    );
    expect(called.build).toEqual(expect.arrayContaining(['--no-cache', '--pull']));
  });

  it('podman keeps the health check in its image only when told to', async () => {
    expect(valuesOf((await build({}, [], 'podman')).build, '--format')).toEqual(['docker']);
    expect(valuesOf((await build()).build, '--format')).toEqual([]);
  });

  it.each([
    [{ TARGET: 'tpu' }, 'TARGET is cuda or cpu'],
    [{ ORT_CUDA: 'yes' }, 'ORT_CUDA is 0 or 1'],
    [{ TARGET: 'cpu', ORT_CUDA: '1' }, 'has no CUDA libraries'],
  ])('refuses %j', async (env, sentence) => {
    const { ok, calls, stderr } = await build(env);
    expect({ ok, calls }).toEqual({ ok: false, calls: [] });
    expect(stderr).toContain(sentence);
  });
});

describe('the Dockerfile', () => {
  it('describes both targets in the same words, from the working folder on', async () => {
    const text = await project('Dockerfile');
    const [cpu, cuda] = ['cpu', 'cuda'].map((target) => {
      const stage = text.split(new RegExp(`^FROM \\S+ AS ${target}$`, 'm'))[1]?.split(/^FROM /m)[0] ?? '';
      return stage.slice(stage.indexOf('COPY --from=sources')).trim();
    });
    expect(cpu).toMatch(/^COPY[\s\S]*USER 10001:10001[\s\S]*ENTRYPOINT/);
    expect(cuda).toBe(cpu);
  });

  it('starts the gateway as `npm start` does', async () => {
    const { scripts } = JSON.parse(await project('package.json'));
    const [entry] = (await project('Dockerfile')).matchAll(/^ENTRYPOINT (.*)$/gm);
    const [init, dashes, ...command] = JSON.parse(entry?.[1] ?? '[]');
    expect([init, dashes]).toEqual(['tini', '--']);
    expect(command.join(' ').replace('/app/', '')).toBe(scripts.start);
  });

  it('takes no secret, and no syntax that would have to be fetched', async () => {
    const text = await project('Dockerfile');
    expect(text).not.toMatch(/^(ARG|ENV).*(TOKEN|SECRET|PASSWORD|API_KEYS)/im);
    expect(text).not.toMatch(/^#\s*syntax\s*=/m);
  });
});

describe('.dockerignore', () => {
  /** Docker's rule: the last pattern that matches the path, or a folder it lies in, decides. */
  async function entersContext(path: string): Promise<boolean> {
    const lines = (await project('.dockerignore')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const parts = path.split('/');
    const places = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    let enters = true;
    for (const line of lines) {
      const pattern = line.replace(/^!/, '').replace(/[.+]/g, '\\$&');
      const form = new RegExp(`^${pattern.replaceAll('**/', '(.*/)?').replaceAll(/(?<![.)])\*/g, '[^/]*')}$`);
      if (places.some((place) => form.test(place))) enters = line.startsWith('!');
    }
    return enters;
  }

  it.each([
    '.env',
    'backend/.env',
    'backend/src/.env.local',
    'backend/src/server.key',
    'frontend/src/cert.pem',
    'data/initial-admin-key',
    'data/secrets.key',
    'model_cache/.hf_token',
    '.git/config',
    '.npmrc.local',
    'node_modules/express/index.js',
    'backend/node_modules/x.js',
    'backend/src/node_modules/x.js',
    'frontend/dist/index.html',
    'logs/gateway.log',
    'backend/src/gateway.log',
    'tests/api/jobs.test.ts',
    'notes.txt',
  ])('keeps %s out', async (path) => {
    expect(await entersContext(path)).toBe(false);
  });

  it.each(['package-lock.json', '.npmrc', 'backend/src/main.ts', 'frontend/src/main.tsx', 'deploy/image/prune.sh'])(
    'lets %s in',
    async (path) => {
      expect(await entersContext(path)).toBe(true);
    },
  );

  it('lets in all that the dashboard is built of, and of the starter models what is loaded', async () => {
    const tracked = execFileSync('git', ['ls-files', 'frontend', 'starter-models'], {
      cwd: PROJECT_ROOT,
      encoding: 'utf8',
    });
    const wanted = tracked.split('\n').filter((path) => path.startsWith('frontend/') || path.endsWith('.onnx'));
    expect(wanted.length).toBeGreaterThan(100);
    const missing: string[] = [];
    for (const path of wanted) if (!(await entersContext(path))) missing.push(path);
    expect(missing).toEqual([]);
    expect(await entersContext('starter-models/clips/song.flac')).toBe(false);
    expect(await entersContext('starter-models/starter-demucs/training/train.py')).toBe(false);
  });

  it('lets in what the Dockerfile copies', async () => {
    const copies = [...(await project('Dockerfile')).matchAll(/^COPY (?!--from)(.*) \S+$/gm)];
    const paths = copies.flatMap(([, sources]) => sources?.split(' ') ?? []);
    expect(paths).toContain('backend/src');
    const missing = await Promise.all(paths.map(async (path) => ((await entersContext(`${path}/x`)) ? [] : [path])));
    // A folder as a whole is named by what is let in of it.
    expect(missing.flat()).toEqual(['frontend']);
  });
});
