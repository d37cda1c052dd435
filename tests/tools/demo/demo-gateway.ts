/** The gateway as `./start.sh` runs it, for one program's use. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../../..');
const MAIN = join(ROOT, 'backend/src/main.ts');
const DIST = join(ROOT, 'frontend/dist');

export interface DemoGateway extends AsyncDisposable {
  url: string;
  ended: Promise<unknown>;
}

/** Builds the dashboard first where that was not done. Settings of the environment hold unless `env` says otherwise. @throws with what the gateway said when it ends instead of listening. */
export async function startDemoGateway(env: Record<string, string>): Promise<DemoGateway> {
  if (!existsSync(join(DIST, 'index.html'))) await build();
  const child = spawn(process.execPath, ['--max-semi-space-size=4', MAIN], {
    cwd: ROOT,
    env: { ...process.env, FRONTEND_DIST: DIST, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close');
  const said: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line);
      const found = /listens on (\S+)$/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(new Error(`the gateway ended: ${said.join('\n')}`)));
  });
  return {
    url,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function build(): Promise<void> {
  console.log('Building the dashboard …');
  const child = spawn('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the dashboard could not be built (${code})`);
}
