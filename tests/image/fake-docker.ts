/** A `docker` that does nothing and notes everything: its arguments, the settings file, what the machine shows of processes. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT_ROOT } from '../support/shared.ts';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);

export interface FakeDockerOptions {
  /** Default `docker`. */
  program?: string;
  /** What `docker inspect` says of the container's state. */
  state?: string;
  /** Whether a container of that name is there already. */
  present?: boolean;
  /** Subnets of the engine's networks. */
  subnets?: string[];
  /** User and group id of the caller, as `id` tells them. */
  caller?: [uid: number, gid: number];
}

export interface Call {
  ok: boolean;
  stdout: string;
  stderr: string;
  /** Arguments of each call of docker, in order. */
  calls: string[][];
  /** Of the `run` call: its settings file, and the command lines of all processes of the machine at that time. */
  settings: string;
  settingsPath: string;
  settingsMode: string;
  commandLines: string;
}

/** Makes a caller of the project's scripts, with a PATH that begins with the fake. */
export async function fakeDocker({
  program = 'docker',
  state = 'running healthy',
  present = false,
  subnets = [],
  caller,
}: FakeDockerOptions = {}) {
  const dir = await tempDir();
  const [bin, notes] = [join(dir, 'bin'), join(dir, 'notes')];
  for (const folder of [bin, notes]) await mkdir(folder);
  await put(join(bin, program), script({ notes, state, present, subnets }));
  if (caller !== undefined) {
    await put(join(bin, 'id'), `case $1 in -u) echo ${caller[0]} ;; -g) echo ${caller[1]} ;; esac`);
  }
  const note = async (name: string) => await readFile(join(notes, name), 'utf8').catch(() => '');
  return {
    dir,
    path: join(bin, program),
    call: async (name: string, args: string[], env: Record<string, string> = {}): Promise<Call> => {
      const ended = await run(join(PROJECT_ROOT, name), args, {
        env: {
          PATH: `${bin}:${process.env.PATH}`,
          HOME: join(dir, 'home'),
          MODEL_CACHE_DIR: join(dir, 'models'),
          GPUS: 'none',
          ...(program === 'docker' ? {} : { DOCKER: program }),
          ...env,
        },
      }).then(
        (output) => ({ ok: true, ...output }),
        (error: { stdout: string; stderr: string }) => ({ ok: false, stdout: error.stdout, stderr: error.stderr }),
      );
      const files = (await readdir(notes)).filter((file) => file.endsWith('.args')).sort();
      const calls = await Promise.all(files.map(async (file) => (await note(file)).split('\0').slice(0, -1)));
      const [settings, settingsPath, settingsMode, commandLines] = await Promise.all(
        ['settings', 'settings-path', 'settings-mode', 'command-lines'].map(note),
      );
      const noted = { settings: settings ?? '', settingsPath: settingsPath ?? '' };
      const also = { settingsMode: settingsMode ?? '', commandLines: commandLines ?? '' };
      return { ok: ended.ok, stdout: ended.stdout, stderr: ended.stderr, calls, ...noted, ...also };
    },
  };
}

async function put(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/usr/bin/env bash\n${text}\n`);
  await chmod(path, 0o755);
}

function script({
  notes,
  state,
  present,
  subnets,
}: { notes: string } & Required<Omit<FakeDockerOptions, 'program' | 'caller'>>) {
  return `
notes=${notes}
printf '%s\\0' "$@" >"$notes/$(printf %03d "$(ls "$notes" | grep -c args)").args"
case "$1 $2" in
  'container inspect') exit ${present ? 0 : 1} ;;
  'network ls') echo net1; echo net2 ;;
  'network inspect') printf '%s\\n' ${subnets.join(' ')} ;;
  'inspect --format') echo '${state}' ;;
  'logs --tail') echo 'last words of the gateway' ;;
  'run '*)
    cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' >"$notes/command-lines"
    while [ $# -gt 0 ]; do
      if [ "$1" = --env-file ]; then
        printf %s "$2" >"$notes/settings-path"
        stat -c %a "$2" | tr -d '\\n' >"$notes/settings-mode"
        cat "$2" >"$notes/settings"
      fi
      shift
    done ;;
esac`;
}

/** The values that follow an option. */
export function valuesOf(args: readonly string[], option: string): string[] {
  return args.flatMap((argument, index) => (argument === option ? [args[index + 1] ?? ''] : []));
}
