/** Where jobs keep their files below DATA_DIR; for the gateway and for the commands beside it. */
import { join } from 'node:path';

export function jobFolders(dataDir: string): { artifacts: string; work: string } {
  return { artifacts: join(dataDir, 'artifacts'), work: join(dataDir, 'jobs') };
}
