/** From the driver up to a first inference: GPUs, the libraries that ONNX Runtime loads for them, one node on each device. */
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DoctorFinding } from '../../contract/doctor.ts';
import { probeDevice } from '../../worker/probe-device.ts';
import { findRuntimeLibraries, type RuntimeLibraries } from '../../worker/runtime-libraries.ts';
import { type Check, fail, ok, type Problem, reasonOf, warn } from '../check.ts';
import { runProgram } from '../run-program.ts';

/** What the driver tells; `gpu/nvidia-smi.ts` asks it. */
export interface GpuReading {
  driverVersion: string | null;
  gpus: readonly {
    index: number;
    uuid: string;
    name: string;
    mig_enabled: boolean | null;
    row_remap_failed?: boolean | null;
    recovery_action?: string | null;
  }[];
  /** GPUs that the driver names only to say that it cannot reach them. */
  lost: readonly { index: number | null; pciBusId: string | null; reason: string }[];
}

export interface GpuCheckOptions {
  /** @throws Error that says why there is no GPU */
  readGpus(signal: AbortSignal): Promise<GpuReading>;
  /** Devices that models are asked onto, such as `cuda:0`; `cpu` does not count. */
  wantedDevices(): readonly string[];
  /** What workers get. */
  environment: Readonly<Record<string, string>>;
  /** Default: those of the installed package. */
  findLibraries?: () => Promise<RuntimeLibraries>;
}

/** `required`: a model is asked onto a GPU; `expected`: this installation or container was made for one. */
type Need = 'none' | 'expected' | 'required';
/** What `ldd` says of a library: name → path, undefined where it is not found. */
type Dependencies = Map<string, string | undefined>;

/** More than nvidia-smi is given. */
const NVIDIA_SMI_TIMEOUT_MS = 20_000;
const LDD_TIMEOUT_MS = 10_000;
/** Loading CUDA's libraries from a slow disk takes longest. */
const PROBE_TIMEOUT_MS = 60_000;
/** Processes at a time, each of which holds some 0.5 GB of its GPU. */
const PROBES_AT_A_TIME = 4;

/** NVIDIA, "CUDA Compatibility", minor version compatibility: CUDA's major version → least major of the driver. */
const LEAST_DRIVER: Readonly<Record<string, number>> = { '11': 450, '12': 525, '13': 580 };
/** What libcudnn.so.9 loads by name when a convolution is first run, so that `ldd` does not list it. */
const CUDNN_PARTS = ['graph', 'ops', 'cnn', 'adv', 'heuristic', 'engines_precompiled', 'engines_runtime_compiled'];

export function gpuChecks(options: GpuCheckOptions): Check[] {
  const libraries = once(() => (options.findLibraries ?? findRuntimeLibraries)());
  const gpus = once((signal: AbortSignal) => options.readGpus(signal));
  const survey = { options, libraries, gpus };
  return [
    { id: 'gpu.driver', timeoutMs: NVIDIA_SMI_TIMEOUT_MS, run: (signal) => examineDriver(survey, signal) },
    {
      id: 'cuda.provider',
      timeoutMs: LDD_TIMEOUT_MS + NVIDIA_SMI_TIMEOUT_MS,
      run: (signal) => examineLibraries(survey, signal),
    },
    {
      id: 'inference.cpu',
      timeoutMs: PROBE_TIMEOUT_MS,
      run: async (signal) => [await infer('inference.cpu', 'The CPU', undefined, { ...survey, fails: fail }, signal)],
    },
    {
      id: 'inference.gpu',
      // Each of the probes has its own time.
      timeoutMs: NVIDIA_SMI_TIMEOUT_MS + 8 * PROBE_TIMEOUT_MS,
      run: (signal) => inferOnGpus(survey, signal),
    },
  ];
}

interface Survey {
  options: GpuCheckOptions;
  libraries(): Promise<RuntimeLibraries>;
  gpus(signal: AbortSignal): Promise<GpuReading>;
}

async function examineDriver({ options, libraries, gpus }: Survey, signal: AbortSignal): Promise<DoctorFinding[]> {
  const id = 'gpu.driver';
  let reading: GpuReading;
  try {
    reading = await gpus(signal);
  } catch (error) {
    const need = needOf(options, await libraries());
    const reason = reasonOf(error);
    if (need === 'none') return [ok(id, 'No GPU; models run on the CPU.', reason)];
    const problem: Problem = {
      summary: `No GPU can be seen: ${reason}`,
      fix: 'Install the NVIDIA driver; in a container, start it with the GPUs (docker run --gpus all), or set NVIDIA_SMI to where nvidia-smi is.',
    };
    return [need === 'required' ? fail(id, problem) : warn(id, problem)];
  }
  const { driverVersion, gpus: found, lost } = reading;
  const list = found.map(({ index, name, uuid }) => `${index}: ${name} (${uuid})`).join('\n');
  const sliced = found.filter(({ mig_enabled }) => mig_enabled === true).map(({ index }) => index);
  return [
    ok(id, `Driver ${driverVersion ?? 'of unknown version'}, ${count(found.length, 'GPU')}`, list),
    ...lost.map(({ index: number, pciBusId, reason }, index) =>
      fail(`gpu.lost${index}`, {
        summary: `GPU ${pciBusId ?? number ?? 'of unknown address'} does not answer: ${reason}`,
        fix: 'Look for Xid messages in the log of the kernel (dmesg), and reset the GPU or restart the machine.',
      }),
    ),
    ...found.flatMap(faultsOf),
    ...(sliced.length === 0
      ? []
      : [
          warn('gpu.mig', {
            summary: `MIG is on: GPU ${sliced.join(', ')}. No model is placed there.`,
            fix: 'Switch MIG off (nvidia-smi -i N -mig 0) where whole GPUs are to be used.',
          }),
        ]),
  ];
}

/** What the driver says of a GPU's health. */
function faultsOf({
  index,
  recovery_action: action,
  row_remap_failed: failed,
}: GpuReading['gpus'][number]): DoctorFinding[] {
  const findings: DoctorFinding[] = [];
  if (action != null && action !== 'None') {
    findings.push(
      fail(`gpu.recovery${index}`, {
        summary: `GPU ${index} has had a fault; its driver asks for: ${action}`,
        fix: `Unload what runs there, then do that (reset: nvidia-smi -r -i ${index}). The kernel's log (dmesg) has the Xid of the fault.`,
      }),
    );
  }
  if (failed === true) {
    findings.push(
      fail(`gpu.memory${index}`, {
        summary: `GPU ${index} has a faulty row of memory that could not be replaced`,
        fix: 'Have the card exchanged; until then load nothing there.',
      }),
    );
  }
  return findings;
}

async function examineLibraries(survey: Survey, signal: AbortSignal): Promise<DoctorFinding[]> {
  const { options, libraries, gpus } = survey;
  const [found, reading] = await Promise.all([libraries(), gpus(signal).catch(() => undefined)]);
  const need = needOf(options, found);
  const complain = need === 'required' ? fail : warn;
  const id = 'cuda.provider';
  const absent = found.cuda.find(({ present }) => !present);
  const provider = found.cuda.at(-1);
  if (provider === undefined || absent !== undefined) {
    if (need === 'none' && reading === undefined) {
      return [ok(id, `ONNX Runtime ${found.version} without its CUDA provider, which needs a GPU.`, absent?.path)];
    }
    const fix =
      'Use the CUDA image, or run `node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12`.';
    return [complain(id, { summary: `ONNX Runtime has no CUDA provider: ${absent?.path} is missing.`, fix })];
  }
  let dependencies: { needed: Dependencies; versions: string[] };
  try {
    dependencies = await neededLibraries(provider.path, options, signal);
  } catch (error) {
    const summary = `The CUDA provider is there; what it needs could not be listed: ${reasonOf(error)}`;
    return [warn(id, { summary, fix: 'Install ldd (package libc-bin), or rely on the inference below.' })];
  }
  const { needed, versions } = dependencies;
  const others = [...needed].filter(([name, path]) => path === undefined && !isNvidias(name)).map(([name]) => name);
  const problems = [...versions, ...others.map((name) => `${name} is not found`)];
  const fails = reading === undefined && need !== 'required' ? warn : fail;
  return [
    problems.length === 0
      ? ok(id, `CUDA provider of ONNX Runtime ${found.version}`, provider.path)
      : fails(id, {
          summary: `The CUDA provider cannot be loaded: ${problems[0]}`,
          fix: 'Use the CUDA image: this system is older than the one that ONNX Runtime was built for.',
          detail: problems.join('\n'),
        }),
    examineCuda(needed, reading, fails),
    await examineCudnn(needed, fails),
  ];
}

function examineCuda(needed: Dependencies, reading: GpuReading | undefined, fails: typeof fail): DoctorFinding {
  const id = 'cuda.runtime';
  const own = [...needed].filter(([name]) => isNvidias(name) && !isCudnn(name));
  const missing = own.filter(([, path]) => path === undefined).map(([name]) => name);
  const major = own.map(([name]) => /^lib(?:cudart|cublas)\.so\.(\d+)/.exec(name)).find(Boolean);
  const version = major?.[1];
  if (missing.length > 0) {
    return fails(id, {
      summary: `Libraries of CUDA ${version ?? ''} are missing: ${missing.join(', ')}`.replace('  ', ' '),
      fix: `Install CUDA ${version ?? ''} (the runtime is enough), or put its folder into LD_LIBRARY_PATH.`.replace(
        '  ',
        ' ',
      ),
    });
  }
  const least = version === undefined ? undefined : LEAST_DRIVER[version];
  const driver = Number.parseInt(reading?.driverVersion ?? '', 10);
  if (least !== undefined && driver < least) {
    return fails(id, {
      summary: `The driver ${reading?.driverVersion} is too old for CUDA ${version}.`,
      fix: `Install a driver of at least version ${least}.`,
    });
  }
  return ok(id, `CUDA ${version ?? ''}: every library is found`.replace(' :', ':'), paths(own));
}

async function examineCudnn(needed: Dependencies, fails: typeof fail): Promise<DoctorFinding> {
  const id = 'cuda.cudnn';
  const own = [...needed].filter(([name]) => isCudnn(name));
  const main = own.find(([name]) => name.startsWith('libcudnn.so'));
  const missing = own.filter(([, path]) => path === undefined).map(([name]) => name);
  if (missing.length === 0 && main?.[1] !== undefined) missing.push(...(await missingParts(main[0], dirname(main[1]))));
  if (missing.length > 0) {
    const major = /\.so\.(\d+)/.exec(missing[0] ?? '')?.[1] ?? '9';
    return fails(id, {
      summary: `Libraries of cuDNN are missing: ${missing.join(', ')}`,
      fix: `Install cuDNN ${major} for the CUDA above, or put its folder into LD_LIBRARY_PATH.`,
    });
  }
  return main === undefined
    ? ok(id, 'Not needed by this provider')
    : ok(id, 'cuDNN: every library is found', paths(own));
}

/** Parts of cuDNN 9 that lie neither beside it nor anywhere else it could find them; 8 was cut otherwise. */
async function missingParts(name: string, dir: string): Promise<string[]> {
  if (!name.endsWith('.so.9')) return [];
  const parts = CUDNN_PARTS.map((part) => `libcudnn_${part}.so.9`);
  const there = await Promise.all(
    parts.map((part) =>
      access(join(dir, part)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return parts.filter((_, index) => !there[index]);
}

async function neededLibraries(
  path: string,
  { environment }: GpuCheckOptions,
  signal: AbortSignal,
): Promise<{ needed: Dependencies; versions: string[] }> {
  const { code, stdout, stderr } = await runProgram('ldd', [path], { environment, signal });
  // `libcudnn.so.9 => not found`, `libm.so.6 => /lib/libm.so.6 (0x…)`; too old a libc: `…: version `GLIBC_2.38' not found (…)`.
  const lines = [...stdout.matchAll(/^\s*(\S+) => (?:not found|(\S+) \(0x)/gm)];
  // Where a version is missing, its code is not 0 either.
  if (lines.length === 0) throw new Error(`ldd: ${stderr.trim() || stdout.trim() || `code ${code}`}`);
  const needed = new Map(lines.map(([, name = '', found]) => [name, found]));
  const versions = [...`${stdout}\n${stderr}`.matchAll(/version `([^']+)' not found/g)].map(
    ([, version]) => `${version} is not found`,
  );
  return { needed, versions: [...new Set(versions)] };
}

async function inferOnGpus(survey: Survey, signal: AbortSignal): Promise<DoctorFinding[]> {
  const reading = await survey.gpus(signal).catch(() => undefined);
  const need = needOf(survey.options, await survey.libraries());
  if (reading === undefined) return [];
  // Without the libraries on a machine that nobody wants GPUs of, that they cannot be used is no failure.
  const fails = need === 'none' ? warn : fail;
  const findings: DoctorFinding[] = [];
  const queue = reading.gpus.entries();
  const lane = async () => {
    for (const [at, { index, name, uuid }] of queue) {
      findings[at] = await infer(`inference.gpu${index}`, `GPU ${index} (${name})`, uuid, { ...survey, fails }, signal);
    }
  };
  await Promise.all(Array.from({ length: PROBES_AT_A_TIME }, lane));
  return findings;
}

async function infer(
  id: string,
  name: string,
  gpu: string | undefined,
  { options, fails }: Survey & { fails: typeof fail },
  signal: AbortSignal,
): Promise<DoctorFinding> {
  const timeout = AbortSignal.timeout(PROBE_TIMEOUT_MS);
  const bounded = AbortSignal.any([signal, timeout]);
  const { environment } = options;
  const result = await probeDevice({ gpu, environment, signal: bounded });
  if (result.ok) return ok(id, `${name} computes (${result.seconds.toFixed(2)} s with opening the graph)`);
  const reason = timeout.aborted ? `it took longer than ${PROBE_TIMEOUT_MS / 1000} s` : result.reason;
  const fix =
    gpu === undefined
      ? 'Install the packages again (npm ci) on this very system: ONNX Runtime is made for glibc.'
      : 'Mend what the lines on the driver, CUDA and cuDNN say; if they are well, see which program has the memory of the GPU.';
  return fails(id, { summary: `${name} does not compute: ${reason}`, fix, detail: result.stderr.trim() });
}

function needOf({ environment, wantedDevices }: GpuCheckOptions, { cuda }: RuntimeLibraries): Need {
  if (wantedDevices().some((device) => device !== 'cpu')) return 'required';
  const { NVIDIA_VISIBLE_DEVICES: visible = '' } = environment;
  const isContainerForGpus = visible !== '' && visible !== 'void' && visible !== 'none';
  return isContainerForGpus || cuda.some(({ present }) => present) ? 'expected' : 'none';
}

const isNvidias = (name: string) => /^lib(cu|nv)/.test(name) && !/^libcurl/.test(name);
const isCudnn = (name: string) => name.startsWith('libcudnn');
const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;

function paths(libraries: readonly (readonly [string, string | undefined])[]): string {
  return libraries.map(([name, path]) => `${name}: ${path}`).join('\n');
}

/** The first call's answer is every call's. */
function once<A extends unknown[], T>(work: (...parameters: A) => Promise<T>): (...parameters: A) => Promise<T> {
  let result: Promise<T> | undefined;
  return (...parameters) => {
    result ??= work(...parameters);
    return result;
  };
}
