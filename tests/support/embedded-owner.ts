/** A program that starts the embedded server in the folder named, says how to reach it, and waits to be killed. */
import { EmbeddedPostgres } from '../../backend/src/store/embedded-postgres.ts';
import { silentLog } from './silent-log.ts';

const server = await EmbeddedPostgres.start({ dataDir: process.argv[2] ?? '', log: silentLog });
process.stdout.write(`${JSON.stringify({ pid: server.pid, connection: server.connection })}\n`);
