/** Holds a lock until it is killed: `node lock-child.ts PATH` prints `locked`, or `taken` and ends. */
import { setInterval as forever } from 'node:timers';
import { tryLock } from '../../backend/src/file-lock.ts';

const held = tryLock(process.argv[2] ?? '');
process.stdout.write(held ? 'locked\n' : 'taken\n');
if (held) forever(() => {}, 1000);
