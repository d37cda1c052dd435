/** Starts the gateway from the environment and stops it on SIGTERM or SIGINT. */
import { type App, startApp } from './app.ts';
import { loadConfig } from './config.ts';

async function start(): Promise<App> {
  try {
    return await startApp({ config: loadConfig(process.env), console: true });
  } catch (error) {
    // What stops a start is for the operator to mend: a bad setting, a port in use, a folder that cannot be written.
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}

let app: App | undefined;
let stopping = false;
// Before the start: whoever ends a gateway that is still starting must not leave its database's server behind.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(1);
    stopping = true;
    void app?.close().then(() => process.exit(0));
  });
}

app = await start();
if (stopping) {
  await app.close();
  process.exit(0);
}
// One request's forgotten promise must not take the others down; it is a fault, and logged as one.
const { log } = app;
process.on('unhandledRejection', (reason) => log.error('unhandled rejection', { cause: reason }));
if (app.createdAdminKey !== undefined) {
  const { key, path } = app.createdAdminKey;
  console.error(`An admin key was made for you. It is in ${path} (readable by you alone).`);
  // A terminal is read by a person; any other stdout may end in a log.
  if (process.stdout.isTTY) console.error(`Admin key: ${key}`);
}
console.error(`Audio Gateway listens on ${app.url}`);
