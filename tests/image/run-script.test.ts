/** run_docker.sh, with a docker that only notes what it was told. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { VARIABLES } from '../../backend/src/config.ts';
import { PROJECT_ROOT } from '../support/shared.ts';
import { type FakeDockerOptions, fakeDocker, valuesOf } from './fake-docker.ts';

const SECRETS = {
  OPENAI_API_KEYS: 'sk-secret-of-this-test',
  ADMIN_API_KEYS: 'agw-secret-of-this-test',
  HUGGINGFACE_TOKEN: 'hf_secret_of_this_test',
  DATABASE_URL: 'postgres://gateway:secret-of-this-test@db/gateway',
};

async function runScript(env: Record<string, string> = {}, options: FakeDockerOptions = {}, args: string[] = []) {
  const docker = await fakeDocker(options);
  const called = await docker.call('run_docker.sh', args, env);
  return { ...called, dir: docker.dir, run: called.calls.find(([verb]) => verb === 'run') ?? [] };
}

it('starts the image closed: loopback, read-only, without capabilities, never as root', async () => {
  const { ok, run, dir, stdout } = await runScript();
  expect(ok).toBe(true);
  expect(run.at(-1)).toBe('audio-gateway');
  expect(valuesOf(run, '--publish')).toEqual(['127.0.0.1:8000:8000']);
  expect(run).toContain('--read-only');
  expect(valuesOf(run, '--cap-drop')).toEqual(['ALL']);
  expect(valuesOf(run, '--security-opt')).toEqual(['no-new-privileges']);
  expect(valuesOf(run, '--volume').slice(0, 3)).toEqual([
    `${dir}/models:/models`,
    'audio-gateway-data:/data',
    'audio-gateway-logs:/logs',
  ]);
  expect(stdout).toContain('http://127.0.0.1:8000');
  expect(stdout).toContain('docker exec audio-gateway cat /data/initial-admin-key');
});

it('hands settings over in a file of the caller alone, that is gone afterwards; no command line has a secret', async () => {
  const called = await runScript({ ...SECRETS, LAZY_LOAD_MODELS: 'false', LOG_LEVEL: 'debug' });
  const lines = Object.entries(SECRETS).map(([name, value]) => `${name}=${value}`);
  expect(called.settings.trim().split('\n').sort()).toEqual(
    [...lines, 'LAZY_LOAD_MODELS=false', 'LOG_LEVEL=debug'].sort(),
  );
  expect(called.settingsMode).toBe('600');
  expect(existsSync(called.settingsPath)).toBe(false);
  const visible = JSON.stringify(called.calls) + called.commandLines + called.stdout + called.stderr;
  expect(called.commandLines).toContain('--env-file');
  for (const secret of Object.values(SECRETS)) expect(visible).not.toContain(secret);
});

it('refuses a setting that would not survive a line of a file', async () => {
  const { ok, stderr, run } = await runScript({ OPENAI_API_KEYS: 'sk-one\nADMIN_API_KEYS=sk-two' });
  expect({ ok, run }).toEqual({ ok: false, run: [] });
  expect(stderr).toContain('OPENAI_API_KEYS has a line break');
});

it('takes every setting of the gateway but paths and the address inside', async () => {
  const script = await readFile(join(PROJECT_ROOT, 'run_docker.sh'), 'utf8');
  const listed = /^SETTINGS=\(([^)]*)\)$/m.exec(script)?.[1]?.split(/\s+/).filter(Boolean) ?? [];
  const ofTheImage =
    /^(API_(HOST|PORT)|(DATA|LOG|MODEL_CACHE)_DIR|FRONTEND_DIST|SECRETS_KEY_FILE|FF\w+_PATH|NVIDIA_SMI|CUDA_PROVIDER_LIBRARY)$/;
  expect(listed.sort()).toEqual(
    Object.keys(VARIABLES)
      .filter((name) => !ofTheImage.test(name))
      .sort(),
  );
});

it.each([
  ['all', ['--gpus', 'all']],
  ['0,3', ['--gpus', '"device=0,3"']],
  ['GPU-8a1b', ['--gpus', '"device=GPU-8a1b"']],
  ['none', ['--env', 'NVIDIA_VISIBLE_DEVICES=void']],
])('GPUS=%s', async (gpus, expected) => {
  const { run } = await runScript({ GPUS: gpus });
  const at = run.indexOf(expected[0] ?? '');
  expect(run.slice(at, at + 2)).toEqual(expected);
  expect(valuesOf(run, '--gpus')).toHaveLength(gpus === 'none' ? 0 : 1);
});

it.each([
  [{ GPUS: '0;1' }, 'GPUS is'],
  [{ HOST_PORT: '80a' }, 'HOST_PORT is a port'],
  [{ HOST_PORT: '70000' }, 'HOST_PORT is a port'],
  [{ SHUTDOWN_GRACE_SECONDS: '1m' }, 'SHUTDOWN_GRACE_SECONDS is a number'],
  [{ RUN_AS: '0:0' }, 'other than root'],
  [{ RUN_AS: 'somebody' }, 'RUN_AS is uid:gid'],
])('refuses %j', async (env, sentence) => {
  const { ok, stderr, calls } = await runScript(env);
  expect({ ok, calls }).toEqual({ ok: false, calls: [] });
  expect(stderr).toContain(sentence);
});

it('publishes where it is told, and names the addresses that others can use: none of Docker’s own', async () => {
  const env = {
    HOST_PORT: '9000',
    HOST_BIND_ADDRESS: '0.0.0.0',
    ADVERTISED_HOSTS: 'dgx.example, 10.1.2.3,172.17.0.1,172.20.0.1,172.21.0.1,host.docker.internal,2001:db8::1',
  };
  const { run, stdout } = await runScript(env, { subnets: ['172.20.0.0/16', 'fd00::/64'] });
  expect(valuesOf(run, '--publish')).toEqual(['0.0.0.0:9000:8000']);
  const urls = [...stdout.matchAll(/http:\S+/g)].map(([url]) => url);
  expect(urls).toEqual([
    'http://127.0.0.1:9000',
    'http://dgx.example:9000',
    'http://10.1.2.3:9000',
    'http://172.21.0.1:9000',
    'http://[2001:db8::1]:9000',
  ]);
});

it('an IPv6 address is published in brackets', async () => {
  expect(valuesOf((await runScript({ HOST_BIND_ADDRESS: '::1' })).run, '--publish')).toEqual(['[::1]:8000:8000']);
});

it('a folder with a slash is a folder, made where it is missing; anything else is a volume', async () => {
  const docker = await fakeDocker({ caller: [process.getuid?.() ?? 0, process.getgid?.() ?? 0] });
  const data = join(docker.dir, 'new/data');
  const { calls } = await docker.call('run_docker.sh', ['gateway:1'], { DATA_DIR: data, LOG_DIR: 'some-logs' });
  const run = calls.find(([verb]) => verb === 'run') ?? [];
  expect(valuesOf(run, '--volume')).toEqual(expect.arrayContaining([`${data}:/data`, 'some-logs:/logs']));
  expect(run.at(-1)).toBe('gateway:1');
  expect(existsSync(data)).toBe(true);
});

it('runs as its caller, whom the container then has a name for', async () => {
  const docker = await fakeDocker({ caller: [4321, 1234] });
  const models = join(docker.dir, 'shared-models');
  await mkdir(models);
  await chmod(models, 0o777);
  const { ok, calls } = await docker.call('run_docker.sh', [], { MODEL_CACHE_DIR: models });
  expect(ok).toBe(true);
  const run = calls.find(([verb]) => verb === 'run') ?? [];
  expect(valuesOf(run, '--user')).toEqual(['4321:1234']);
  const names =
    valuesOf(run, '--volume')
      .find((volume) => volume.endsWith(':/etc/passwd:ro'))
      ?.split(':')[0] ?? '';
  expect(await readFile(names, 'utf8')).toMatch(/^gateway:x:4321:1234:/m);
});

it('refuses a folder that the gateway could not write to, with the ways out', async () => {
  const docker = await fakeDocker({ caller: [4321, 1234] });
  const models = join(docker.dir, 'foreign');
  await mkdir(models, { mode: 0o755 });
  const { ok, stderr, calls } = await docker.call('run_docker.sh', [], { MODEL_CACHE_DIR: models });
  expect({ ok, calls }).toEqual({ ok: false, calls: [] });
  expect(stderr).toContain(`chown -R 4321:1234 '${models}'`);
});

it('replaces a container of the same name, gently', async () => {
  const { calls } = await runScript({}, { present: true });
  const verbs = calls.map(([verb]) => verb);
  expect(verbs.slice(0, 4)).toEqual(['container', 'stop', 'rm', 'run']);
});

it('says why when the gateway does not come up', async () => {
  const { ok, stderr } = await runScript({}, { state: 'exited unhealthy' });
  expect(ok).toBe(false);
  expect(stderr).toContain('not healthy: exited unhealthy');
});

it('DOCKER may be several words, and podman has ways of its own', async () => {
  const several = await fakeDocker();
  const { calls } = await several.call('run_docker.sh', [], { DOCKER: `env ${several.path}` });
  expect(calls.some(([verb]) => verb === 'run')).toBe(true);

  const models = join(several.dir, 'all');
  await mkdir(models);
  await chmod(models, 0o777);
  const podman = await runScript({ GPUS: '0,1', MODEL_CACHE_DIR: models }, { program: 'podman', caller: [4321, 1234] });
  expect(valuesOf(podman.run, '--device')).toEqual(['nvidia.com/gpu=0', 'nvidia.com/gpu=1']);
  expect(valuesOf(podman.run, '--userns')).toEqual(['keep-id']);
  expect(podman.run).not.toContain('--gpus');
  expect(podman.run.join(' ')).not.toContain('/etc/passwd');
});
