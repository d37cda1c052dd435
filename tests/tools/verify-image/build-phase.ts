/** Builds the image, by build_docker.sh, on stand-in bases: `node build-phase.ts WORK`, in namespaces of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT_ROOT } from '../../support/shared.ts';
import { Checks, timed } from './checks.ts';
import { startEngine } from './engine.ts';
import { makeStandIns } from './stand-ins.ts';

const run = promisify(execFile);
const LABELS = ['title', 'version', 'revision', 'created', 'licenses'];
const LAST_CHARACTERS = 3000;

const work = process.argv[2] ?? '';
const checks = new Checks(join(work, 'build.json'));
await using engine = await startEngine(work, 'host');
const bases = await timed(() => makeStandIns(work, engine));
await checks.add('stand-in bases', true, `${bases.seconds} s`);

/** What the build said last; undefined when it failed with `expected` in it. */
async function build(tag: string, env: Record<string, string>): Promise<{ ok: boolean; said: string }> {
  const options = {
    env: { ...process.env, ...engine.environment, DOCKER_BUILD_ARGS: '--network host --progress plain', ...env },
    maxBuffer: 64 * 2 ** 20,
  };
  return await run(join(PROJECT_ROOT, 'build_docker.sh'), [tag], options).then(
    ({ stdout, stderr }) => ({ ok: true, said: stdout + stderr }),
    (error: { stdout?: string; stderr?: string }) => ({ ok: false, said: `${error.stdout}${error.stderr}` }),
  );
}

for (const target of ['cuda', 'cpu']) {
  const tag = `gateway:${target}`;
  const { result, seconds } = await timed(() => build(tag, { TARGET: target, ORT_CUDA: '0' }));
  if (!result.ok) throw new Error(result.said.slice(-LAST_CHARACTERS));
  const bytes = Number(await engine.docker('image', 'inspect', '--format', '{{.Size}}', tag));
  await checks.add(`image ${target}`, true, `${seconds} s, ${Math.round(bytes / 2 ** 20)} MiB`);
  const proved = /\d+ native files can be loaded.*/.exec(result.said)?.[0];
  if (proved !== undefined) await checks.add('native files', true, proved);
}

const labels: Record<string, string> = JSON.parse(
  await engine.docker('image', 'inspect', '--format', '{{json .Config.Labels}}', 'gateway:cuda'),
);
const missing = LABELS.filter((name) =>
  [undefined, '', 'unknown'].includes(labels[`org.opencontainers.image.${name}`]),
);
await checks.add('OCI labels', missing.length === 0, missing.length === 0 ? LABELS.join(' ') : `without ${missing}`);

// On these bases it cannot succeed: there is no CUDA to link with, if the provider can be fetched at all.
const withCuda = await build('gateway:with-cuda', { TARGET: 'cuda', ORT_CUDA: '1' });
const reason = /libonnxruntime_providers_cuda\.so: .*|Failed to .*|E(?:NOTFOUND|AI_AGAIN|CONN\w+)[^\n]*/.exec(
  withCuda.said,
);
await checks.add('ORT_CUDA=1 without CUDA fails', !withCuda.ok, reason?.[0] ?? withCuda.said.slice(-LAST_CHARACTERS));
