/** Whether the gateway can do its work now: what `/health` and `/health/ready` answer. */
import { access, constants, mkdir } from 'node:fs/promises';
import { ffmpegVersion } from '../audio/ffmpeg.ts';

export interface Check {
  ok: boolean;
  reason: string | null;
}

export interface ReadinessOptions {
  modelCacheDir: string;
  dataDir: string;
  /** Rejects when the database does not answer. */
  pingDatabase: () => Promise<void>;
  ffmpegPath: string;
  /** Models that were to be loaded at start and are not ready. */
  missingPreloads: () => string[];
  isShuttingDown: () => boolean;
}

/** ffmpeg does not vanish from one probe to the next, and starting it costs 50 ms of a core. */
const FFMPEG_CHECK_TTL_MS = 60_000;

export function createReadiness(options: ReadinessOptions): () => Promise<Record<string, Check>> {
  let ffmpeg: { check: Promise<Check>; at: number } | undefined;
  const checkFfmpeg = () => {
    if (ffmpeg === undefined || Date.now() - ffmpeg.at > FFMPEG_CHECK_TTL_MS) {
      const check = attempt(() => ffmpegVersion({ ffmpegPath: options.ffmpegPath }), 'ffmpeg does not answer');
      ffmpeg = { check, at: Date.now() };
      void check.then(({ ok }) => {
        if (!ok) ffmpeg = undefined;
      });
    }
    return ffmpeg.check;
  };
  return async () => {
    const [modelCache, store, database, decoder] = await Promise.all([
      attempt(() => requireWritable(options.modelCacheDir), 'MODEL_CACHE_DIR is not writable'),
      attempt(() => requireWritable(options.dataDir), 'DATA_DIR is not writable'),
      attempt(options.pingDatabase, 'the database does not answer'),
      checkFfmpeg(),
    ]);
    const missing = options.missingPreloads();
    return {
      model_cache: modelCache,
      store,
      database,
      ffmpeg: decoder,
      preloaded_models: missing.length === 0 ? OK : { ok: false, reason: `not ready: ${missing.join(', ')}` },
      running: options.isShuttingDown() ? { ok: false, reason: 'shutting down' } : OK,
    };
  };
}

const OK: Check = { ok: true, reason: null };

async function attempt(probe: () => Promise<unknown>, reason: string): Promise<Check> {
  try {
    await probe();
    return OK;
  } catch {
    return { ok: false, reason };
  }
}

async function requireWritable(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await access(dir, constants.W_OK | constants.X_OK);
}
