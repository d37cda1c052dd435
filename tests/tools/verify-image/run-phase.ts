/** Runs what build-phase.ts built and looks: `node run-phase.ts WORK`, in namespaces of its own, the network's included. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT_ROOT, shared } from '../../support/shared.ts';
import { Checks, timed } from './checks.ts';
import { Container } from './container.ts';
import { startEngine } from './engine.ts';
import { checkMemory } from './memory.ts';
import { fillModelCache } from './model-cache.ts';

const run = promisify(execFile);

const TAG = 'gateway:cuda';
const PORT = 39_080;
const CLIP = shared('audio/speech/jfk.wav');
const WORDS = 'ask not what your country can do for you';
const OWN_CLIP = join(PROJECT_ROOT, 'starter-models/clips/sentence.flac');
const IMAGE_USER = '10001';
const OTHER_USER = '12345';
const VOLUMES = ['audio-gateway-data', 'audio-gateway-logs'];
const STOP_LIMIT_SECONDS = 10;

const work = process.argv[2] ?? '';
const checks = new Checks(join(work, 'run.json'));
await run('ip', ['link', 'set', 'lo', 'up']);
await using engine = await startEngine(work, 'private');
const container = new Container(engine, PORT);
const models = join(work, 'models');
const key = `agw-${randomBytes(12).toString('hex')}`;
const token = `hf_${randomBytes(12).toString('hex')}`;
const settings = {
  GPUS: 'none',
  MODEL_CACHE_DIR: models,
  AUTO_DOWNLOAD_MODELS: 'false',
  MIN_FREE_DISK_MB: '0',
  OPENAI_API_KEYS: key,
  HUGGINGFACE_TOKEN: token,
  MEMORY_LIMIT: '1g',
};
const plain = (text: string) => text.toLowerCase().replace(/[^a-z]+/g, ' ');

// An earlier run with the same --work may have been cut short.
await engine.docker('rm', '--force', container.name);
for (const volume of VOLUMES) await engine.docker('volume', 'rm', '--force', volume);
await rm(models, { recursive: true, force: true });
await fillModelCache(models);
await run('chown', ['-R', `${IMAGE_USER}:${IMAGE_USER}`, models]);

const started = await timed(() => container.start(TAG, settings));
await checks.add('healthy', true, `${started.seconds} s after run_docker.sh began`);
await checks.add('prints the address', started.result.includes(`http://127.0.0.1:${PORT}`), container.url);

const uids = new Set((await container.processes()).map(({ uid }) => uid));
await checks.add('user of every process', [...uids].join() === IMAGE_USER, [...uids].join());
const status = await container.exec('grep', '-E', '^(CapEff|NoNewPrivs)', '/proc/1/status');
await checks.add('no capabilities', /CapEff:\s+0+\n.*NoNewPrivs:\s+1/s.test(status), status.replace(/\s+/g, ' '));
const refused = await container.exec('touch', '/app/x').catch((error: Error) => error.message);
await checks.add('root read-only', refused.includes('Read-only file system'), refused.trim().split('\n').at(-1) ?? '');
await container.exec('touch', '/tmp/x', '/data/x', '/models/x', '/logs/x');
await checks.add('writable', true, '/tmp /data /models /logs');

const stranger = await container.transcribe(CLIP, undefined);
await checks.add('without a key', stranger.status === 401, stranger.status);
const first = await timed(() => container.transcribe(CLIP, key));
await checks.add('transcription', plain(first.result.body).includes(WORDS), `${first.seconds} s: ${first.result.body}`);
const shipped = await timed(() => container.transcribe(OWN_CLIP, key, 'starter-whisper'));
const expected = plain(await readFile(OWN_CLIP.replace('.flac', '.txt'), 'utf8')).trim();
await checks.add(
  'transcription without a download',
  plain(shipped.result.body).trim() === expected,
  `${shipped.seconds} s: ${shipped.result.body}`,
);
const adminKey = await container.exec('cat', '/data/initial-admin-key');
const admin = await fetch(`${container.url}/api/admin/models`, { headers: { authorization: `Bearer ${adminKey}` } });
await checks.add('first admin key opens /api', admin.status === 200, admin.status);

const image = await engine.docker('image', 'inspect', TAG);
const history = await engine.docker('history', '--no-trunc', '--format', '{{.CreatedBy}}', TAG);
const secrets = /(password|secret|token|api_?key)\S*=\S/i.exec(image + history)?.[0];
const known = [key, token, adminKey].filter((secret) => (image + history).includes(secret));
await checks.add('no secret in the image', secrets === undefined && known.length === 0, secrets ?? 'none');
const logs = await engine.docker('logs', container.name);
await checks.add('no secret in the logs', ![key, token, adminKey].some((secret) => logs.includes(secret)), 'none');

// Whoever is killed leaves children; nobody but the first process can take note of their end.
await container.kill(/bin\/postgres -D/);
const recovery = await timed(() => container.ready());
const again = await container.transcribe(CLIP, key);
const zombies = (await container.processes()).filter(({ state }) => state === 'Z');
await checks.add('database killed', again.status === 200, `${again.status} after ${recovery.seconds} s`);
await checks.add('no zombies', zombies.length === 0, zombies.length);

await checkMemory({ container, checks, transcribe: () => container.transcribe(CLIP, key) });

const restarts = Number(await container.inspect('.RestartCount'));
await container.kill(/^node .*main\.ts/);
const restart = await timed(() => container.ready());
const restarted = Number(await container.inspect('.RestartCount')) - restarts;
const afterwards = await container.transcribe(CLIP, key);
await checks.add(
  'gateway killed',
  restarted === 1 && afterwards.status === 200,
  `restarted ${restarted} time, ready after ${restart.seconds} s, then ${afterwards.status}`,
);

const backup = await container.exec('node', 'backend/src/commands/backup.ts', '/data/backup').catch(String);
await checks.add('backup from within', !backup.includes('Error'), backup.split('\n').at(-1) ?? '');

const stopped = await timed(() => engine.docker('stop', container.name));
const code = await container.inspect('.State.ExitCode');
await checks.add(
  'SIGTERM',
  code === '0' && stopped.seconds < STOP_LIMIT_SECONDS,
  `exit ${code} in ${stopped.seconds} s`,
);

const command = ['node', TAG, 'backend/src/commands/restore.ts', '/data/backup', '--force'];
const restored = await engine
  .docker(
    'run',
    '--rm',
    '--read-only',
    '--tmpfs',
    '/tmp',
    '--volume',
    'audio-gateway-data:/data',
    '--entrypoint',
    ...command,
  )
  .catch(String);
await checks.add('restore from within', !restored.includes('Error'), restored.split('\n').at(-1) ?? '');

// Folders of this machine, and a user id that the image has never heard of.
const [data, own] = [join(work, 'data'), join(work, 'logs')];
for (const folder of [data, own]) await rm(folder, { recursive: true, force: true });
await run('chown', ['-R', `${OTHER_USER}:${OTHER_USER}`, models]);
await mkdir(join(work, 'state'), { recursive: true });
await container.start(TAG, {
  ...settings,
  RUN_AS: `${OTHER_USER}:${OTHER_USER}`,
  DATA_DIR: data,
  LOG_DIR: own,
  XDG_STATE_HOME: join(work, 'state'),
});
const others = new Set((await container.processes()).map(({ uid }) => uid));
const foreign = await container.transcribe(CLIP, key);
await checks.add(
  'another user, folders',
  [...others].join() === OTHER_USER && plain(foreign.body).includes(WORDS),
  `user ${[...others].join()}, ${foreign.status}`,
);
await engine.docker('stop', container.name);
await engine.docker('rm', container.name);
