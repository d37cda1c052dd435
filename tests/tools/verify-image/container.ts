/** The gateway in its container, started by run_docker.sh. */
import { execFile } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PROJECT_ROOT } from '../../support/shared.ts';
import type { Engine } from './engine.ts';

const run = promisify(execFile);

const POLL_MS = 250;

export interface Process {
  pid: number;
  uid: string;
  /** As /proc has it: `Z` is a zombie. */
  state: string;
  command: string;
}

export class Container {
  readonly name = 'audio-gateway';
  readonly url: string;
  readonly #engine: Engine;
  readonly #port: number;

  constructor(engine: Engine, port: number) {
    this.#engine = engine;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Replaces the one there is; resolves when it is healthy. @returns what the script printed. */
  async start(tag: string, env: Record<string, string>): Promise<string> {
    const settings = { ...this.#engine.environment, HOST_PORT: String(this.#port), CONTAINER_NAME: this.name, ...env };
    const { stdout } = await run(join(PROJECT_ROOT, 'run_docker.sh'), [tag], { env: { ...process.env, ...settings } });
    return stdout;
  }

  /** What a command inside prints. */
  async exec(...command: string[]): Promise<string> {
    return await this.#engine.docker('exec', this.name, ...command);
  }

  /** A field of `docker inspect`, as Go's templates name it. */
  async inspect(field: string): Promise<string> {
    return await this.#engine.docker('inspect', '--format', `{{${field}}}`, this.name);
  }

  async processes(): Promise<Process[]> {
    const listed = await this.exec('sh', '-c', LIST_PROCESSES);
    return listed.split('\n').flatMap((line) => {
      const [pid, uid = '', state = '', ...command] = line.split(' ');
      // One that ended while it was looked at has no owner any more.
      return uid === '' ? [] : [{ pid: Number(pid), uid, state, command: command.join(' ') }];
    });
  }

  /** As the gateway's own user, from within. */
  async kill(command: RegExp): Promise<void> {
    await this.exec('sh', '-c', `kill -9 ${await this.pidOf(command)}`);
  }

  async pidOf(command: RegExp): Promise<number> {
    const found = (await this.processes()).find((process) => command.test(process.command));
    if (found === undefined) throw new Error(`no process ${command} in the container`);
    return found.pid;
  }

  /** Resolves once `/health/ready` is 200. @throws after a minute, with the last answer. */
  async ready(): Promise<void> {
    let last = '';
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(POLL_MS)) {
      const answer = await fetch(`${this.url}/health/ready`).catch((error: Error) => error);
      if (!(answer instanceof Error) && answer.ok) return;
      last = answer instanceof Error ? String(answer.cause ?? answer) : await answer.text();
    }
    throw new Error(`the gateway did not become ready: ${last}`);
  }

  /** Status 0 when the connection broke. */
  async transcribe(
    path: string,
    key: string | undefined,
    model = 'whisper-1',
  ): Promise<{ status: number; body: string }> {
    const form = new FormData();
    form.set('model', model);
    form.set('response_format', 'text');
    form.set('file', await openAsBlob(path), 'speech.wav');
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    try {
      const answer = await fetch(`${this.url}/v1/audio/transcriptions`, { method: 'POST', headers, body: form });
      return { status: answer.status, body: (await answer.text()).trim() };
    } catch (error) {
      return { status: 0, body: String(error) };
    }
  }
}

/** There is no `ps` inside. One line each: id, user id, state, command line. */
const LIST_PROCESSES = `for p in /proc/[0-9]*; do
  set -- $(sed 's/^.*) //' $p/stat 2>/dev/null) && [ -n "$1" ] || continue
  echo "\${p#/proc/} $(stat -c %u $p) $1 $(tr '\\0' ' ' <$p/cmdline)"
done`;
