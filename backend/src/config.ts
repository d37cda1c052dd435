/**
 * The environment, read once. `loadConfig(env)` is pure; a bad value stops the start and every problem is listed.
 * `doc/configuration.md` is checked against VARIABLES by a test.
 */
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { findMisspelled } from './misspelled.ts';

const flag = z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1');
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);
const wholeNumber = (min: number, max: number) =>
  z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.number().min(min).max(max));
const path = z.string().transform((value) => resolve(value));
/** `node-nvidia-smi` starts it by this very name. */
const nvidiaSmi = z
  .string()
  .regex(/(^|\/)nvidia-smi$/, 'must be a path that ends in nvidia-smi')
  .transform((value) => (value.includes('/') ? resolve(value) : value));
const origin = z.string().regex(/^[a-z][a-z0-9+.-]*:\/\/[^/]+$/i, 'must be an origin such as https://app.example');
/** Express's `trust proxy`, without `true`: that would believe whatever a caller writes. */
const trustProxy = z.string().transform((value, context) => {
  if (value === 'false') return false;
  if (/^\d{1,3}$/.test(value)) return Number(value) === 0 ? false : Number(value);
  const proxies = value.split(',').map((item) => item.trim());
  for (const proxy of proxies) {
    if (/^(loopback|linklocal|uniquelocal)$/.test(proxy) || isAddressOrSubnet(proxy)) continue;
    context.addIssue({
      code: 'custom',
      message: `"${proxy}" is neither a number of proxies nor an address such as 10.0.0.0/8, nor false`,
    });
    return z.NEVER;
  }
  return proxies;
});
const apiKey = z.string().min(8, 'is shorter than 8 characters');
const metricsToken = z
  .string()
  .min(16, 'is shorter than 16 characters')
  .regex(/^[\x21-\x7e]+$/, 'holds characters that a header cannot carry');

/** `alias=model,alias=model`, or other pairs. */
const pairs = (form: string) =>
  z.string().transform((value, context) => {
    const result: Record<string, string> = {};
    for (const pair of value.split(',').map((item) => item.trim())) {
      if (pair === '') continue;
      const match = /^([^=\s]+)\s*=\s*([^=\s]+)$/.exec(pair);
      if (match?.[1] === undefined || match[2] === undefined) {
        context.addIssue({ code: 'custom', message: `"${pair}" is not ${form}` });
        return z.NEVER;
      }
      result[match[1]] = match[2];
    }
    return result;
  });

function isAddressOrSubnet(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

const OPENAI_NAMES = [
  'whisper-1',
  'gpt-transcribe',
  'gpt-4o-transcribe',
  'gpt-4o-mini-transcribe',
  'gpt-4o-transcribe-diarize',
];

interface Variable<S extends z.ZodType> {
  schema: S;
  /** As one would write it in the environment; undefined = unset. */
  default: string | undefined;
  description: string;
  secret?: true;
}
function variable<S extends z.ZodType>(schema: S, fallback: string | undefined, description: string): Variable<S> {
  return { schema, default: fallback, description };
}

export const VARIABLES = {
  API_HOST: variable(z.string().min(1), '127.0.0.1', 'Address to listen on.'),
  API_PORT: variable(wholeNumber(0, 65_535), '8000', 'Port to listen on; 0 takes a free one.'),
  OPENAI_API_KEYS: {
    ...variable(list.pipe(z.array(apiKey)), '', 'Keys that open `/v1`, comma-separated.'),
    secret: true,
  },
  ADMIN_API_KEYS: {
    ...variable(list.pipe(z.array(apiKey)), '', 'Keys that open `/api` (and `/v1`), comma-separated.'),
    secret: true,
  },
  METRICS_TOKEN: {
    ...variable(metricsToken, undefined, 'Opens `/metrics`, and nothing else, beside the admin keys.'),
    secret: true,
  },
  CORS_ORIGINS: variable(
    list.pipe(z.array(origin)),
    'app://obsidian.md',
    "Browser origins that may call `/v1`, besides the gateway's own.",
  ),
  TRUST_PROXY: variable(
    trustProxy,
    'false',
    "Proxies whose `X-Forwarded-For` is believed: how many stand in front, or their addresses and subnets, comma-separated (`loopback`, `10.0.0.0/8`). Off, the socket's address is the caller's.",
  ),
  DATA_DIR: variable(path, './data', 'State of the gateway: database, keys, spooled uploads, derived graphs.'),
  DATABASE_URL: {
    ...variable(
      z.url({ protocol: /^postgres(ql)?$/, error: 'must be a URL such as postgresql://user:password@host:5432/name' }),
      undefined,
      'PostgreSQL to use, `postgresql://user:password@host:5432/name`. Default: one of its own, in DATA_DIR.',
    ),
    secret: true,
  },
  MODEL_CACHE_DIR: variable(path, './model_cache', 'Hugging Face cache (Python-compatible layout).'),
  FRONTEND_DIST: variable(path, './frontend/dist', 'Built dashboard.'),
  LOG_DIR: variable(path, './logs', 'Folder of the rotating log file.'),
  LOG_FILE_NAME: variable(z.string().regex(/^[^/\\]+$/, 'must be a file name'), 'gateway.log', 'Name of the log file.'),
  LOG_LEVEL: variable(z.enum(['error', 'warn', 'info', 'debug']), 'info', 'Least severity that is logged.'),
  HF_ENDPOINT: variable(z.url({ protocol: /^https?$/ }), 'https://huggingface.co', 'Hub to download models from.'),
  HUGGINGFACE_TOKEN: {
    ...variable(z.string().min(1), undefined, 'Hub token for gated or private repositories.'),
    secret: true,
  },
  HF_TOKEN: { ...variable(z.string().min(1), undefined, 'Same as HUGGINGFACE_TOKEN, which wins.'), secret: true },
  LAZY_LOAD_MODELS: variable(
    flag,
    'true',
    'true: a model is loaded by its first request. false: PRELOAD_MODELS are loaded at start and nothing is ever downloaded.',
  ),
  PRELOAD_MODELS: variable(
    list,
    undefined,
    'Models to load at start and keep loaded, comma-separated. Default: none when lazy, else every model that was downloaded.',
  ),
  AUTO_DOWNLOAD_MODELS: variable(flag, 'true', 'A request may download the model it names.'),
  MODEL_ALIASES: variable(
    pairs('alias=model'),
    OPENAI_NAMES.map((name) => `${name}=auto`).join(','),
    'Other names for models, `alias=model`, comma-separated. `auto` is a transcription model whose files are here: one that an operator loaded, else the first, and one that ships with the gateway where there is no other; without any, the first that can be downloaded.',
  ),
  MODEL_DTYPES: variable(
    pairs('model=dtype'),
    '',
    'Precision of models that have a choice, `model=dtype`, comma-separated; see `doc/adding-a-model.md`. Default: what suits the device.',
  ),
  COLD_START_WAIT_SECONDS: variable(
    wholeNumber(0, 3_600),
    '120',
    'How long a request waits for its model to download and load before 503 `model_loading`.',
  ),
  MODEL_IDLE_TIMEOUT_SECONDS: variable(
    wholeNumber(0, 31_536_000),
    '900',
    'A model without requests for so long is unloaded; 0 = never.',
  ),
  MODEL_LOAD_TIMEOUT_SECONDS: variable(
    wholeNumber(1, 86_400),
    '600',
    'Longest time a model may take to load; its worker is killed then.',
  ),
  WORKER_HUNG_SECONDS: variable(
    wholeNumber(1, 86_400),
    '120',
    'A worker that answers nothing for so long is killed and started anew. A running graph answers nothing: keep it above the longest.',
  ),
  ALLOW_CPU_FALLBACK: variable(
    flag,
    'false',
    'A model that no GPU can take runs on the CPU, and its answers say so (`x-model-fallback`). Else it fails with the reason.',
  ),
  MEMORY_MARGIN_MB: variable(
    wholeNumber(0, 1_048_576),
    '256',
    'Memory left free on every device, the CPU among them, when models are placed.',
  ),
  CUDA_PROVIDER_LIBRARY: variable(
    path,
    undefined,
    "File whose presence means that ONNX Runtime can use GPUs. Default: the CUDA provider in the package's folder.",
  ),
  CPU_THREADS_PER_REPLICA: variable(
    wholeNumber(1, 1_024),
    undefined,
    'Threads one replica computes with. Default: cores divided by the CPU replicas that are loaded.',
  ),
  MAX_QUEUE_PER_REPLICA: variable(
    wholeNumber(0, 100_000),
    '64',
    'Requests that may wait for one replica; one more is answered 503.',
  ),
  REQUEST_TIMEOUT_SECONDS: variable(
    wholeNumber(1, 86_400),
    '600',
    'Longest time a request may be in the model, waiting in its queue not counted.',
  ),
  SYNC_MAX_SECONDS: variable(
    wholeNumber(1, 86_400),
    '240',
    'A caller who waits for a result is answered by then: a longer request goes on as a job (408 `became_job`).',
  ),
  JOB_CONCURRENCY: variable(wholeNumber(1, 1_000), '4', 'Jobs this gateway works on at a time.'),
  JOB_MAX_ATTEMPTS: variable(
    wholeNumber(1, 1_000),
    '10',
    'Attempts in a row that may end before a part of the job is done; one more, and it fails.',
  ),
  URL_ALLOWED_HOSTS: variable(
    list,
    '*',
    'Hosts that audio may be fetched from: `*`, names, `*.example.com`. One listed by its very name may be private.',
  ),
  URL_TIMEOUT_SECONDS: variable(wholeNumber(1, 86_400), '900', 'Longest time fetching the audio of a `url` may take.'),
  JOB_RETENTION_DAYS: variable(
    wholeNumber(1, 36_500),
    '30',
    'Jobs and their results are deleted so long after their end; their manifests stay until an erasure.',
  ),
  UPLOAD_RETENTION_HOURS: variable(
    wholeNumber(0, 876_000),
    '24',
    'The audio of a job is deleted so long after its end; 0: within the hour.',
  ),
  SHUTDOWN_GRACE_SECONDS: variable(
    wholeNumber(0, 3_600),
    '30',
    'On SIGTERM, how long running requests may take to finish.',
  ),
  MAX_FILE_SIZE_MB: variable(wholeNumber(1, 1_048_576), '512', 'Largest upload, in MiB.'),
  MAX_AUDIO_SECONDS: variable(wholeNumber(1, 31_536_000), '14400', 'Longest audio.'),
  MAX_DECODED_MB: variable(
    wholeNumber(1, 1_048_576),
    '2048',
    'Most PCM one file may decode to, in MiB; held while decoding.',
  ),
  MAX_CONCURRENT_UPLOADS: variable(
    wholeNumber(1, 10_000),
    '64',
    'Uploads received at a time; one more is answered 503.',
  ),
  MIN_FREE_DISK_MB: variable(
    wholeNumber(0, 1_048_576),
    '1024',
    'Uploads and downloads are refused (507) before free space falls below this, in MiB.',
  ),
  SECRETS_KEY_FILE: variable(
    path,
    undefined,
    'Key that webhook secrets are encrypted with in the database: 32 bytes in base64. Gateways that share a database need the same. Default: `DATA_DIR/secrets.key`, made at the first start.',
  ),
  WEBHOOK_TIMEOUT_SECONDS: variable(wholeNumber(1, 300), '15', 'Longest time one attempt at a webhook may take.'),
  WEBHOOK_ALLOW_PRIVATE: variable(
    flag,
    'false',
    'For tests: webhooks may go to loopback and private addresses, and over plain HTTP.',
  ),
  NVIDIA_SMI: variable(
    nvidiaSmi,
    'nvidia-smi',
    'nvidia-smi to read the GPUs with: a path, or the bare name, which is looked up in PATH.',
  ),
  GPU_POLL_SECONDS: variable(
    wholeNumber(1, 60),
    '5',
    'How often the GPUs are read while no model is being loaded; every second while one is.',
  ),
  FFMPEG_PATH: variable(z.string().min(1), 'ffmpeg', 'ffmpeg to decode with.'),
  FFPROBE_PATH: variable(z.string().min(1), 'ffprobe', 'ffprobe to examine files with.'),
} satisfies Record<string, Variable<z.ZodType>>;

type Values = { [K in keyof typeof VARIABLES]: z.output<(typeof VARIABLES)[K]['schema']> };
type Optional =
  | 'METRICS_TOKEN'
  | 'DATABASE_URL'
  | 'HUGGINGFACE_TOKEN'
  | 'HF_TOKEN'
  | 'PRELOAD_MODELS'
  | 'CPU_THREADS_PER_REPLICA'
  | 'SECRETS_KEY_FILE';
type Environment = Omit<Values, Optional> & { [K in Optional]: Values[K] | undefined };

/** Variables a worker may see: enough for ffmpeg and the runtime, none of the gateway's own (they hold secrets). */
const CHILD_VARIABLES = /^(PATH|HOME|LANG|LC_.*|TZ|TMPDIR|LD_LIBRARY_PATH|CUDA_.*|NVIDIA_(?!SMI$).*|ORT_.*|OMP_.*)$/;

export type Config = ReturnType<typeof loadConfig>;

/** @throws Error that lists every bad variable, one line each. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>) {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { schema, default: fallback }] of Object.entries<Variable<z.ZodType>>(VARIABLES)) {
    // An empty value means unset: `docker run -e NAME=` and compose files cannot say "unset" otherwise.
    const raw = env[name] === '' ? undefined : env[name];
    const text = raw ?? fallback;
    if (text === undefined) continue;
    const parsed = schema.safeParse(text);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(...parsed.error.issues.map((issue) => `${name}: ${issue.message}`));
  }
  if (problems.length > 0) throw new Error(`The configuration is not valid:\n  ${problems.join('\n  ')}`);
  // Every variable without a default is in Optional; the loop above filled the rest or reported it.
  const e = values as Environment;

  return Object.freeze({
    host: e.API_HOST,
    port: e.API_PORT,
    apiKeys: e.OPENAI_API_KEYS,
    adminApiKeys: e.ADMIN_API_KEYS,
    metricsToken: e.METRICS_TOKEN,
    corsOrigins: e.CORS_ORIGINS,
    trustProxy: e.TRUST_PROXY,
    dataDir: e.DATA_DIR,
    databaseUrl: e.DATABASE_URL,
    modelCacheDir: e.MODEL_CACHE_DIR,
    frontendDist: e.FRONTEND_DIST,
    log: { dir: e.LOG_DIR, fileName: e.LOG_FILE_NAME, level: e.LOG_LEVEL },
    hub: { endpoint: e.HF_ENDPOINT.replace(/\/+$/, ''), token: e.HUGGINGFACE_TOKEN ?? e.HF_TOKEN },
    models: {
      lazy: e.LAZY_LOAD_MODELS,
      preload: e.PRELOAD_MODELS,
      autoDownload: e.AUTO_DOWNLOAD_MODELS && e.LAZY_LOAD_MODELS,
      aliases: e.MODEL_ALIASES,
      dtypes: e.MODEL_DTYPES,
      coldStartWaitSeconds: e.COLD_START_WAIT_SECONDS,
      idleTimeoutSeconds: e.MODEL_IDLE_TIMEOUT_SECONDS,
      cpuThreadsPerReplica: e.CPU_THREADS_PER_REPLICA,
      cores: availableParallelism(),
      maxQueuePerReplica: e.MAX_QUEUE_PER_REPLICA,
      requestTimeoutSeconds: e.REQUEST_TIMEOUT_SECONDS,
      loadTimeoutSeconds: e.MODEL_LOAD_TIMEOUT_SECONDS,
      hungSeconds: e.WORKER_HUNG_SECONDS,
      allowCpuFallback: e.ALLOW_CPU_FALLBACK,
      memoryMarginBytes: e.MEMORY_MARGIN_MB * 2 ** 20,
      cudaProviderLibrary: e.CUDA_PROVIDER_LIBRARY,
    },
    jobs: {
      syncMaxSeconds: e.SYNC_MAX_SECONDS,
      concurrency: e.JOB_CONCURRENCY,
      maxAttempts: e.JOB_MAX_ATTEMPTS,
    },
    urlInput: { allowedHosts: e.URL_ALLOWED_HOSTS, timeoutSeconds: e.URL_TIMEOUT_SECONDS },
    retention: { jobDays: e.JOB_RETENTION_DAYS, uploadHours: e.UPLOAD_RETENTION_HOURS },
    shutdownGraceSeconds: e.SHUTDOWN_GRACE_SECONDS,
    upload: {
      maxFileBytes: e.MAX_FILE_SIZE_MB * 2 ** 20,
      maxConcurrent: e.MAX_CONCURRENT_UPLOADS,
      minFreeBytes: e.MIN_FREE_DISK_MB * 2 ** 20,
    },
    audio: {
      maxSeconds: e.MAX_AUDIO_SECONDS,
      maxDecodedBytes: e.MAX_DECODED_MB * 2 ** 20,
      ffmpegPath: e.FFMPEG_PATH,
      ffprobePath: e.FFPROBE_PATH,
    },
    gpu: { nvidiaSmi: e.NVIDIA_SMI, pollSeconds: e.GPU_POLL_SECONDS },
    secretsKeyFile: e.SECRETS_KEY_FILE ?? join(e.DATA_DIR, 'secrets.key'),
    webhooks: { timeoutSeconds: e.WEBHOOK_TIMEOUT_SECONDS, allowPrivate: e.WEBHOOK_ALLOW_PRIVATE },
    /** Variables that are set, that nothing reads, and that look like one of these. */
    misspelled: findMisspelled(Object.keys(env), Object.keys(VARIABLES)),
    /** What a worker process gets as its environment. */
    childEnvironment: Object.fromEntries(
      Object.entries(env).filter((entry): entry is [string, string] => {
        return entry[1] !== undefined && CHILD_VARIABLES.test(entry[0]);
      }),
    ),
  });
}
