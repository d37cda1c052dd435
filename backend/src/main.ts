/** Starts the gateway from the environment and stops it on SIGTERM or SIGINT. */
import { startApp } from './app.ts';
import { type Config, loadConfig } from './config.ts';

function readConfig(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}

const app = await startApp({ config: readConfig(), console: true });
if (app.createdAdminKey !== undefined) {
  const { key, path } = app.createdAdminKey;
  console.error(`An admin key was made for you. It is in ${path} (readable by you alone).`);
  // A terminal is read by a person; any other stdout may end in a log.
  if (process.stdout.isTTY) console.error(`Admin key: ${key}`);
}
console.error(`Audio Gateway listens on ${app.url}`);

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(1);
    stopping = true;
    void app.close().then(() => process.exit(0));
  });
}
