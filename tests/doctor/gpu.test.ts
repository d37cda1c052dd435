/** What the doctor says of drivers, libraries and devices: with programs that speak as the real ones do, and a real inference. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type GpuCheckOptions, gpuChecks } from '../../backend/src/doctor/checks/gpu.ts';
import { examine } from '../../backend/src/doctor/examine.ts';
import { NvidiaSmi } from '../../backend/src/gpu/nvidia-smi.ts';
import { graphMessage, modelMessage, nodeMessage, valueInfo } from '../../backend/src/models/onnx-build.ts';
import { probeDevice } from '../../backend/src/worker/probe-device.ts';
import { findRuntimeLibraries } from '../../backend/src/worker/runtime-libraries.ts';
import { fakePrograms, saying } from '../support/fake-programs.ts';
import { childrenOf } from '../support/processes.ts';
import { PROJECT_ROOT } from '../support/shared.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

const NEVER = new AbortController().signal;
const UUID = 'GPU-1d6a3f0e-0000-4444-8888-00000000000';
const gpuLine = (
  index: number,
  { driver = '550.90.07', mig = 'Disabled', remapFailed = 'No', recovery = 'None' } = {},
) =>
  [
    ...[index, `${UUID}${index}`, 'NVIDIA H200', 143_771, 1, `00000000:${index}B:00.0`, driver],
    ...[143_155, 0, 0, 28, 77.42, 700, 345, 3201, '0x0', 0, 'No', remapFailed, recovery, mig, 9.0],
  ].join(', ');
const NO_DRIVER = saying(
  "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.",
  { code: 9 },
);

interface Machine {
  /** What `sh` does for nvidia-smi; undefined: there is none. */
  smi?: string | undefined;
  /** The same for ldd, when cuDNN lies in that folder. */
  ldd?: (cudnn: string) => string;
  environment?: Record<string, string>;
  /** undefined: the real package's, which has none. */
  provider?: 'present';
  wanted?: readonly string[];
}

/** Only the checks with one of these ids: the inferences start processes. */
async function findings(ids: readonly string[], machine: Machine) {
  const { smi, ldd = (cudnn) => saying(librariesOf(cudnn)), provider, wanted = [] } = machine;
  const cudnn = await tempDir();
  for (const part of CUDNN) await writeFile(join(cudnn, part), '');
  const programs = await fakePrograms({ ...(smi === undefined ? {} : { 'nvidia-smi': smi }), ldd: ldd(cudnn) });
  const environment = { ...programs.environment, ...machine.environment };
  const dir = await tempDir();
  const options: GpuCheckOptions = {
    readGpus: (signal) => new NvidiaSmi({ program: 'nvidia-smi', environment, timeoutMs: 10_000 }).read(signal),
    wantedDevices: () => wanted,
    environment,
    ...(provider === undefined
      ? {}
      : {
          findLibraries: async () => ({
            version: '1.26.0',
            dir,
            cuda: ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'].map((name) => ({
              path: join(dir, name),
              present: true,
            })),
          }),
        }),
  };
  const checks = gpuChecks(options).filter(({ id }) => ids.includes(id));
  const { data } = await examine(checks, NEVER);
  return Object.fromEntries(data.map(({ id, ...finding }) => [id, finding]));
}

const CUDNN = [
  '',
  '_graph',
  '_ops',
  '_cnn',
  '_adv',
  '_heuristic',
  '_engines_precompiled',
  '_engines_runtime_compiled',
].map((part) => `libcudnn${part}.so.9`);
/** As ldd of glibc writes it. */
const librariesOf = (cudnn: string) => `\tlinux-vdso.so.1 (0x00007ffd4b5f2000)
\tlibcublasLt.so.12 => /usr/local/cuda/lib64/libcublasLt.so.12 (0x00007f1b2a000000)
\tlibcublas.so.12 => /usr/local/cuda/lib64/libcublas.so.12 (0x00007f1b23600000)
\tlibcurand.so.10 => /usr/local/cuda/lib64/libcurand.so.10 (0x00007f1b1d000000)
\tlibcufft.so.11 => /usr/local/cuda/lib64/libcufft.so.11 (0x00007f1b12200000)
\tlibcudart.so.12 => /usr/local/cuda/lib64/libcudart.so.12 (0x00007f1b11e00000)
\tlibcudnn.so.9 => ${cudnn}/libcudnn.so.9 (0x00007f1b11a00000)
\tlibstdc++.so.6 => /lib/x86_64-linux-gnu/libstdc++.so.6 (0x00007f1b11600000)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f1b11200000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f1b5c0c2000)`;
const without = (list: string, ...names: string[]) =>
  names.reduce((text, name) => text.replace(new RegExp(`(\\t${name}) => .*`), '$1 => not found'), list);

describe('the driver', () => {
  it('is not missed where nobody wants a GPU', async () => {
    const found = await findings(['gpu.driver', 'cuda.provider'], {});
    expect(found).toMatchObject({
      'gpu.driver': {
        status: 'ok',
        summary: 'No GPU; models run on the CPU.',
        detail: 'nvidia-smi: it was not found; NVIDIA_SMI says where it is',
      },
      'cuda.provider': { status: 'ok', detail: expect.stringContaining('libonnxruntime_providers_shared.so') },
    });
  });

  it.each<[string, Machine, 'warn' | 'fail']>([
    ['a container made for GPUs', { environment: { NVIDIA_VISIBLE_DEVICES: 'all' } }, 'warn'],
    ['an installation with the CUDA provider', { provider: 'present' }, 'warn'],
    ['models that are asked onto one', { wanted: ['cpu', 'cuda:1'] }, 'fail'],
  ])('is missed by %s', async (_, machine, status) => {
    const found = await findings(['gpu.driver'], { smi: NO_DRIVER, ...machine });
    expect(found['gpu.driver']).toMatchObject({
      status,
      summary: expect.stringContaining("couldn't communicate with the NVIDIA driver"),
      fix: expect.stringContaining('Install the NVIDIA driver'),
    });
  });

  it('is told with its GPUs, with those that are lost, and with MIG', async () => {
    const lines = [gpuLine(0), gpuLine(1, { mig: 'Enabled' })];
    const lost = 'Unable to determine the device handle for GPU0000:17:00.0: Unknown Error';
    const found = await findings(['gpu.driver'], { smi: saying([...lines, lost].join('\n'), { code: 15 }) });
    expect(found['gpu.driver']).toMatchObject({ status: 'ok', summary: 'Driver 550.90.07, 2 GPUs' });
    expect(found['gpu.driver']?.detail).toBe(`0: NVIDIA H200 (${UUID}0)\n1: NVIDIA H200 (${UUID}1)`);
    expect(found['gpu.lost0']).toMatchObject({
      status: 'fail',
      summary: 'GPU 0000:17:00.0 does not answer: Unknown Error',
    });
    expect(found['gpu.mig']).toMatchObject({ status: 'warn', summary: expect.stringContaining('GPU 1') });
  });

  it('is told with what it says of faults: what it asks for, and memory beyond repair', async () => {
    const lines = [gpuLine(0), gpuLine(1, { recovery: 'Reset' }), gpuLine(2, { remapFailed: '1' })];
    const found = await findings(['gpu.driver'], { smi: saying(lines.join('\n')) });
    expect(Object.keys(found).filter((id) => /recovery|memory/.test(id))).toEqual(['gpu.recovery1', 'gpu.memory2']);
    expect(found['gpu.recovery1']).toMatchObject({
      status: 'fail',
      summary: expect.stringMatching(/asks for: Reset$/),
    });
    expect(found['gpu.memory2']).toMatchObject({ status: 'fail' });
  });
});

describe('the libraries', () => {
  const machine: Machine = { smi: saying(gpuLine(0)), provider: 'present' };
  const ids = ['cuda.provider'];

  it('are all there', async () => {
    expect(await findings(ids, machine)).toMatchObject({
      'cuda.provider': { status: 'ok', detail: expect.stringMatching(/\/libonnxruntime_providers_cuda\.so$/) },
      'cuda.runtime': { status: 'ok', summary: 'CUDA 12: every library is found' },
      'cuda.cudnn': { status: 'ok', summary: 'cuDNN: every library is found' },
    });
  });

  it('are named where they are missing, each with what brings it', async () => {
    const missing = ['libcublasLt.so.12', 'libcufft.so.11', 'libcudnn.so.9'];
    const ldd = (cudnn: string) => saying(without(librariesOf(cudnn), ...missing));
    expect(await findings(ids, { ...machine, ldd })).toMatchObject({
      'cuda.provider': { status: 'ok' },
      'cuda.runtime': {
        status: 'fail',
        summary: 'Libraries of CUDA 12 are missing: libcublasLt.so.12, libcufft.so.11',
        fix: expect.stringContaining('Install CUDA 12'),
      },
      'cuda.cudnn': {
        status: 'fail',
        summary: 'Libraries of cuDNN are missing: libcudnn.so.9',
        fix: expect.stringContaining('Install cuDNN 9'),
      },
    });
  });

  it('of which cuDNN loads some by name alone are looked for, too', async () => {
    const elsewhere = () => saying(librariesOf('/nowhere'));
    expect((await findings(ids, { ...machine, ldd: elsewhere }))['cuda.cudnn']).toMatchObject({
      status: 'fail',
      summary: expect.stringContaining('libcudnn_graph.so.9, libcudnn_ops.so.9'),
    });
  });

  it('may be for a newer system, or a newer driver', async () => {
    const version =
      "/x/libonnxruntime_providers_cuda.so: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /x)";
    const ldd = (cudnn: string) => saying(`${version}\n${librariesOf(cudnn)}`, { code: 1 });
    expect((await findings(ids, { ...machine, ldd }))['cuda.provider']).toMatchObject({
      status: 'fail',
      summary: 'The CUDA provider cannot be loaded: GLIBC_2.38 is not found',
    });
    const old = { ...machine, smi: saying(gpuLine(0, { driver: '515.65.01' })) };
    expect((await findings(ids, old))['cuda.runtime']).toMatchObject({
      status: 'fail',
      summary: 'The driver 515.65.01 is too old for CUDA 12.',
      fix: 'Install a driver of at least version 525.',
    });
  });

  it('are not there though the GPU is', async () => {
    const { dir } = await findRuntimeLibraries();
    expect((await findings(ids, { smi: saying(gpuLine(0)), wanted: ['cuda:0'] }))['cuda.provider']).toMatchObject({
      status: 'fail',
      summary: `ONNX Runtime has no CUDA provider: ${join(dir, 'libonnxruntime_providers_shared.so')} is missing.`,
    });
  });

  it('cannot be listed without ldd, which is no failure of theirs', async () => {
    expect(
      (await findings(ids, { ...machine, ldd: () => saying('not a dynamic executable', { code: 1, to: 'stderr' }) }))[
        'cuda.provider'
      ],
    ).toMatchObject({ status: 'warn', summary: expect.stringContaining('not a dynamic executable') });
  });
});

describe('an inference', () => {
  it('computes on the CPU, and says why it does not on a GPU, in the words of ONNX Runtime', async () => {
    const smi = saying([gpuLine(0), gpuLine(1)].join('\n'));
    const found = await findings(['inference.cpu', 'inference.gpu'], { smi, wanted: ['cuda:1'] });
    expect(found['inference.cpu']).toMatchObject({ status: 'ok', summary: expect.stringMatching(/^The CPU computes/) });
    const missing = expect.stringMatching(
      /GPU . \(NVIDIA H200\) does not compute: .*libonnxruntime_providers_shared\.so: cannot open/,
    );
    expect(found['inference.gpu0']).toMatchObject({ status: 'fail', summary: missing });
    expect(found['inference.gpu1']).toMatchObject({ status: 'fail', summary: missing });
  });

  /** Modules that a process of ours imports before all else. */
  const importing = async (source: string) => {
    const path = join(await tempDir(), 'first.mjs');
    await writeFile(path, source);
    return { PATH: process.env.PATH ?? '', NODE_OPTIONS: `--import=${path}` };
  };

  it('that ends its process is told as such', async () => {
    const environment = await importing('process.kill(process.pid, "SIGSEGV"); await new Promise(() => {});');
    const result = await probeDevice({ gpu: undefined, environment, signal: NEVER });
    expect(result).toMatchObject({ ok: false, reason: 'it ended with SIGSEGV' });
  });

  it('that hangs is killed', async () => {
    const environment = await importing('for (;;);');
    const before = new Set(childrenOf(process.pid));
    const started = () => childrenOf(process.pid).filter((pid) => !before.has(pid));
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const result = probeDevice({ gpu: UUID, environment, signal: stop.signal });
    await waitUntil('the process runs', () => started().length === 1);
    stop.abort();
    expect(await result).toMatchObject({ ok: false, reason: 'it ended with SIGKILL' });
    expect(started()).toEqual([]);
  });

  it('is of this graph', async () => {
    const attributes: Uint8Array[] = [];
    const node = { opType: 'Conv', domain: '', name: 'conv', inputs: ['x', 'w'], outputs: ['y'], attributes };
    const graph = graphMessage({
      name: 'probe',
      nodes: [nodeMessage(node)],
      initializers: [],
      inputs: [valueInfo('x', 1, [1, 1, 4]), valueInfo('w', 1, [1, 1, 2])],
      outputs: [valueInfo('y', 1, [1, 1, 3])],
    });
    const built = Buffer.from(modelMessage(graph, 8, new Map([['', 13]]))).toString('base64');
    const source = await readFile(join(PROJECT_ROOT, 'backend/src/worker/probe-main.ts'), 'utf8');
    expect(source.replaceAll(/' \+\s+'/g, '')).toContain(`'${built}'`);
  });
});

it('the real ldd is understood', async () => {
  const { dir } = await findRuntimeLibraries();
  const environment = { PATH: process.env.PATH ?? '' };
  const real = join(dir, 'libonnxruntime.so.1');
  const checks = gpuChecks({
    readGpus: () => Promise.reject(new Error('none')),
    wantedDevices: () => [],
    environment,
    findLibraries: async () => ({ version: '1', dir, cuda: [{ path: real, present: true }] }),
  }).filter(({ id }) => id === 'cuda.provider');
  const { data } = await examine(checks, NEVER);
  expect(data.map(({ id, status }) => [id, status])).toEqual([
    ['cuda.provider', 'ok'],
    ['cuda.runtime', 'ok'],
    ['cuda.cudnn', 'ok'],
  ]);
});
