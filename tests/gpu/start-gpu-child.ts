import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { GpuChildReply } from './gpu-child-protocol.ts';

export interface GpuChild {
  reply: GpuChildReply;
  /** Resolves when the process is gone. */
  end(how: 'exit' | 'kill'): Promise<void>;
}

/** `tooMany`: float32 values that do not fit into the GPU; 0: that is not tried. @throws Error with the child's reason */
export async function startGpuChild(environment: Record<string, string>, tooMany = 0): Promise<GpuChild> {
  const script = fileURLToPath(new URL('./gpu-child.ts', import.meta.url));
  const child = fork(script, ['cuda:0', `${tooMany}`], { env: environment, execArgv: [] });
  const ended = once(child, 'exit');
  const early = ended.then(([code, signal]) => {
    throw new Error(`the child ended early (${code ?? signal})`);
  });
  early.catch(() => {});
  const [reply]: (GpuChildReply | { failure: string })[] = await Promise.race([once(child, 'message'), early]);
  const end = async (how: 'exit' | 'kill') => {
    stop(child, how);
    await ended;
  };
  if (reply === undefined || 'failure' in reply) {
    await end('kill');
    throw new Error(reply?.failure ?? 'the child said nothing');
  }
  return { reply, end };
}

function stop(child: ChildProcess, how: 'exit' | 'kill'): void {
  if (how === 'kill') child.kill('SIGKILL');
  else child.send('end');
}
