/** All checks, in the order in which they are told. */
import type { Check } from '../check.ts';
import { type DatabaseCheckOptions, databaseCheck } from './database.ts';
import { ffmpegChecks } from './ffmpeg.ts';
import { folderChecks } from './folders.ts';
import { type GpuCheckOptions, gpuChecks } from './gpu.ts';
import { type HubCheckOptions, hubCheck } from './hub.ts';
import { machineChecks } from './machine.ts';
import { settingsCheck } from './settings.ts';

/** What is read of the configuration. */
export interface DoctorSettings {
  dataDir: string;
  modelCacheDir: string;
  log: { dir: string };
  upload: { minFreeBytes: number };
  audio: { ffmpegPath: string; ffprobePath: string };
  hub: { endpoint: string };
  apiKeys: readonly string[];
  adminApiKeys: readonly string[];
  metricsToken: string | undefined;
  misspelled: readonly { name: string; meant: string }[];
  childEnvironment: Readonly<Record<string, string>>;
}

export interface DoctorOptions
  extends DatabaseCheckOptions,
    Omit<GpuCheckOptions, 'environment'>,
    Pick<HubCheckOptions, 'readToken' | 'repositories'> {
  settings: DoctorSettings;
}

export function allChecks({ settings, ...options }: DoctorOptions): Check[] {
  const { dataDir, modelCacheDir, log, upload, audio, hub, apiKeys, adminApiKeys, metricsToken, misspelled } = settings;
  const environment = settings.childEnvironment;
  return [
    ...machineChecks(),
    settingsCheck({ misspelled, metricsToken, keys: [...apiKeys, ...adminApiKeys], environment }),
    ...folderChecks({
      folders: { DATA_DIR: dataDir, MODEL_CACHE_DIR: modelCacheDir, LOG_DIR: log.dir },
      minFreeBytes: upload.minFreeBytes,
    }),
    databaseCheck(options),
    ...ffmpegChecks({ ...audio, environment }),
    hubCheck({ ...options, endpoint: hub.endpoint, cacheDir: modelCacheDir }),
    ...gpuChecks({ ...options, environment }),
  ];
}
