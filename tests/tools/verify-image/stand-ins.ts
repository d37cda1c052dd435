/** Debian in the place of the images that the Dockerfile names: a machine that reaches no image registry can build, too. */
import { execFile } from 'node:child_process';
import { access, copyFile, cp, mkdir, realpath, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Engine } from './engine.ts';

const run = promisify(execFile);

const RUNTIME_BASES = ['nvidia/cuda:12.4.1-cudnn-runtime-ubuntu22.04', 'ubuntu:22.04'];
const BUILD_BASE = 'node:24-bookworm-slim';
const SOURCES = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'];

export async function makeStandIns(work: string, { docker }: Engine): Promise<void> {
  const root = join(work, 'debian.tar');
  if (!(await exists(root))) {
    // The suffix says what to make.
    const unfinished = join(work, 'unfinished.tar');
    const sources = (await Promise.all(SOURCES.map(async (path) => ((await exists(path)) ? [path] : [])))).flat();
    await run('mmdebstrap', ['--quiet', '--variant=minbase', 'bookworm', unfinished, ...sources.slice(0, 1)]);
    await rename(unfinished, root);
  }
  for (const name of RUNTIME_BASES) await docker('import', root, name);
  await docker('build', '--quiet', '--network', 'host', '--tag', BUILD_BASE, await buildBaseContext(work));
}

/** Node, npm, and how npm reaches its registry from this machine. */
async function buildBaseContext(work: string): Promise<string> {
  const context = join(work, 'build-base');
  await mkdir(join(context, 'npm'), { recursive: true });
  await copyFile(process.execPath, join(context, 'node'));
  const { stdout } = await run('which', ['npm']);
  const program = stdout.trim();
  await cp(dirname(dirname(await realpath(program))), join(context, 'npm'), { recursive: true });
  // As a user's shell has it: `npm run` sets variables, and puts another Node in front.
  const env = { PATH: `${dirname(program)}:/usr/bin:/bin`, HOME: process.env.HOME ?? '' };
  const npm = async (...args: string[]) => (await run(program, args, { env, cwd: '/' })).stdout.trim();
  const files = [await npm('config', 'get', 'globalconfig'), await npm('config', 'get', 'cafile')];
  const [npmrc, authorities] = await Promise.all(files.map(async (path) => ((await exists(path)) ? path : undefined)));
  if (npmrc !== undefined) await copyFile(npmrc, join(context, 'npmrc'));
  else await writeFile(join(context, 'npmrc'), '');
  if (authorities !== undefined) await copyFile(authorities, join(context, basename(authorities)));
  const lines = [
    `FROM ${RUNTIME_BASES[1]}`,
    'RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends libatomic1',
    'COPY node /usr/local/bin/node',
    'COPY npm /usr/local/lib/node_modules/npm',
    'COPY npmrc /usr/local/etc/npmrc',
    ...(authorities === undefined ? [] : [`COPY ${basename(authorities)} ${authorities}`]),
    'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm',
  ];
  await writeFile(join(context, 'Dockerfile'), `${lines.join('\n')}\n`);
  return context;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
