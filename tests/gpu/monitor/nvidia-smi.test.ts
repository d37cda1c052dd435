/** What nvidia-smi writes → figures in bytes, °C, W and MHz; or the reason why there are none. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NvidiaSmi, parseGpus, parseProcesses } from '../../../backend/src/gpu/nvidia-smi.ts';
import { createFakeDgx, type FakeDgx } from '../../support/fake-dgx.ts';
import { dgxScenario, FAILURES } from '../../support/fake-nvidia-smi/scenario.ts';
import { isAlive } from '../../support/processes.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { aGpu } from './a-gpu.ts';

const MIB = 2 ** 20;
const never = new AbortController().signal;

describe('parsing', () => {
  const fields = [
    'index',
    'uuid',
    'name',
    'memory.total',
    'memory.used',
    'temperature.gpu',
    'mig.mode.current',
    'clocks_event_reasons.active',
    'ecc.errors.uncorrected.volatile.total',
  ] as const;
  const read = (stdout: string, code = 0) => parseGpus({ code, stdout, stderr: '' }, fields);

  it('turns MiB into bytes and sorts by index', () => {
    const { gpus } = read(
      [
        '1, GPU-b, NVIDIA H200, 143771, 2001, 31, Disabled, 0x0000000000000044, 0',
        '0, GPU-a, NVIDIA H200, 143771, 1, 28, Enabled, 0x0000000000000001, 3',
      ].join('\n'),
    );
    expect(gpus).toMatchObject([
      { uuid: 'GPU-a', mig_enabled: true, slowdown_reasons: [], ecc_uncorrected_errors: 3 },
      {
        uuid: 'GPU-b',
        memory_total_bytes: 143_771 * MIB,
        memory_used_bytes: 2_001 * MIB,
        temperature_celsius: 31,
        mig_enabled: false,
        slowdown_reasons: ['sw_power_cap', 'hw_thermal_slowdown'],
      },
    ]);
  });

  it.each([
    ['Yes', true],
    ['No', false],
    ['1', true],
    ['0', false],
    ['[N/A]', null],
  ])('a row of memory that could not be replaced, told as %j, is %j', (cell, failed) => {
    const cells = `0, GPU-a, NVIDIA H200, 143771, 1, ${cell}`;
    const asked = ['index', 'uuid', 'name', 'memory.total', 'memory.used', 'remapped_rows.failure'] as const;
    expect(parseGpus({ code: 0, stdout: cells, stderr: '' }, asked).gpus).toMatchObject([{ row_remap_failed: failed }]);
  });

  it.each(['[N/A]', 'N/A', '[Not Supported]', '[Unknown Error]', '[Insufficient Permissions]', 'ERR!', ''])(
    'takes %j for not known, and the GPU for well',
    (cell) => {
      const { gpus } = read(`0, GPU-a, NVIDIA H200, ${Array(6).fill(cell).join(', ')}`);
      expect(gpus).toMatchObject([
        {
          state: 'ok',
          memory_total_bytes: null,
          memory_used_bytes: null,
          temperature_celsius: null,
          mig_enabled: null,
          slowdown_reasons: null,
          ecc_uncorrected_errors: null,
        },
      ]);
    },
  );

  it.each([
    ['GPU 0000:02:00.0: GPU is lost.  Reboot the system to recover this GPU', { pciBusId: '0000:02:00.0' }],
    ['GPU0000:17:00.0: Unknown Error', { pciBusId: '0000:17:00.0', reason: 'Unknown Error' }],
    ['GPU1: 0000:34:00.0: Unknown Error', { index: 1, pciBusId: '0000:34:00.0', reason: 'Unknown Error' }],
    ['GPU1: Unknown Error', { index: 1, pciBusId: null, reason: 'Unknown Error' }],
    ['gpu 0000:18:00.0: Unknown Error', { index: null, pciBusId: '0000:18:00.0' }],
  ])('knows the lost GPU of "…for %s" beside those that answer', (line, expected) => {
    const row = '0, GPU-a, NVIDIA H200, 143771, 1, 28, Disabled, 0x0, 0';
    const reading = read(`Unable to determine the device handle for ${line}\n${row}\n`, 15);
    expect(reading.gpus).toHaveLength(1);
    expect(reading.lost).toMatchObject([expected]);
    expect(reading.warnings).toEqual([]);
  });

  it('knows the lost GPU of a row whose cells say so', () => {
    const lost = `1, GPU-b, NVIDIA H200, ${Array(6).fill('[GPU is lost]').join(', ')}`;
    const reading = read(`0, GPU-a, NVIDIA H200, 1, 1, 1, Disabled, 0x0, 0\n${lost}\n`);
    expect(reading.gpus.map(({ uuid }) => uuid)).toEqual(['GPU-a']);
    expect(reading.lost).toMatchObject([{ uuid: 'GPU-b', index: 1, reason: 'GPU is lost' }]);
  });

  it('keeps other lines as warnings', () => {
    const warning = 'WARNING: infoROM is corrupted at gpu 0000:1B:00.0';
    expect(read(`0, GPU-a, H, 1, 1, 1, Disabled, 0x0, 0\n${warning}\n`, 14).warnings).toEqual([warning]);
  });

  it('gives processes by GPU, with memory that is not told as null', () => {
    const processes = parseProcesses('GPU-a, 41, 2000\nGPU-b, 42, [N/A]\nGPU-a, 43, 1\n');
    expect(processes.get('GPU-a')).toEqual([
      { pid: 41, memory_used_bytes: 2_000 * MIB },
      { pid: 43, memory_used_bytes: MIB },
    ]);
    expect(processes.get('GPU-b')).toEqual([{ pid: 42, memory_used_bytes: null }]);
    expect(parseProcesses('\n').size).toBe(0);
  });
});

describe('the program', () => {
  let dgx: FakeDgx;
  beforeAll(async () => {
    dgx = await createFakeDgx();
  });
  afterAll(() => dgx.remove());
  afterEach(() =>
    dgx.change((scenario) => Object.assign(scenario, dgxScenario(), { failure: null, unknown_fields: [] })),
  );
  const smi = (timeoutMs = 20_000) => new NvidiaSmi({ program: dgx.path, environment: {}, timeoutMs });

  it('tells of eight GPUs, and of whom their memory belongs to', async () => {
    const [, second = ''] = dgx.uuids;
    await dgx.allocate(process.pid, second, 2_000);
    const { gpus, driverVersion } = await smi().read(never);
    expect(driverVersion).toBe('550.144.03');
    expect(gpus).toHaveLength(8);
    expect(gpus[0]).toEqual({
      ...aGpu(0),
      uuid: dgx.uuids[0],
      pci_bus_id: '00000000:1B:00.0',
      temperature_celsius: 28,
      power_watts: 77.42,
    });
    expect(gpus[1]).toMatchObject({
      memory_used_bytes: 2_001 * MIB,
      processes: [{ pid: process.pid, memory_used_bytes: 2_000 * MIB }],
    });
  });

  it('sees memory come and go with a process, and what stays behind', async () => {
    const uuid = dgx.uuids[6] ?? '';
    const holder = spawn('sleep', ['60']);
    await dgx.allocate(holder.pid ?? 0, uuid, 3_000, { residueMib: 10 });
    const program = smi();
    const usedOf = async () => (await program.read(never)).gpus[6];
    expect(await usedOf()).toMatchObject({ memory_used_bytes: 3_001 * MIB, processes: [{ pid: holder.pid }] });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(await usedOf()).toMatchObject({ memory_used_bytes: 11 * MIB, processes: [] });
  });

  it('tells of seven GPUs when one has fallen off the bus, and which one that is', async () => {
    await dgx.change((scenario) => Object.assign(scenario.gpus[3] ?? {}, { lost: true }));
    await dgx.allocate(process.pid, dgx.uuids[4] ?? '', 5);
    const { gpus, lost } = await smi().read(never);
    expect(gpus.map(({ index }) => index)).toEqual([0, 1, 2, 4, 5, 6, 7]);
    expect(gpus[3]?.processes).toEqual([{ pid: process.pid, memory_used_bytes: 5 * MIB }]);
    expect(lost).toMatchObject([{ pciBusId: '0000:61:00.0', reason: expect.stringMatching(/^GPU is lost/) }]);
  });

  it('takes no utilisation of a GPU in MIG mode', async () => {
    await dgx.change((scenario) => Object.assign(scenario.gpus[0] ?? {}, { mig: [] }));
    const { gpus } = await smi().read(never);
    expect(gpus[0]).toMatchObject({ mig_enabled: true, utilization_percent: null, temperature_celsius: 28 });
  });

  it('asks an older driver without the fields that it does not know, and only once with them', async () => {
    await dgx.change((scenario) => {
      scenario.unknown_fields = ['clocks_event_reasons.active', 'compute_cap'];
    });
    const program = smi();
    const before = (await dgx.runs()).length;
    const { gpus } = await program.read(never);
    await program.read(never);
    expect(gpus[7]).toMatchObject({ compute_capability: null, slowdown_reasons: null, temperature_celsius: 35 });
    const queries = (await dgx.runs()).slice(before).filter(({ options }) => options[0]?.startsWith('--query-gpu'));
    expect(queries).toHaveLength(4);
  });

  it.each([
    ['noDriver', 'absent', /couldn't communicate with the NVIDIA driver/],
    ['noDevices', 'absent', /No devices were found/],
    ['mismatch', 'failed', /version mismatch/],
    ['unknownError', 'failed', /Unknown Error/],
  ] as const)('%s: %s', async (failure, kind, message) => {
    await dgx.change((scenario) => {
      scenario.failure = FAILURES[failure];
    });
    await expect(smi().read(never)).rejects.toMatchObject({ kind, message: expect.stringMatching(message) });
  });

  it('is absent when there is no such program, and no path is told', async () => {
    const missing = new NvidiaSmi({ program: `${dgx.path}-not`, environment: {}, timeoutMs: 1_000 });
    const message = 'nvidia-smi: it was not found; NVIDIA_SMI says where it is';
    await expect(missing.read(never)).rejects.toMatchObject({ kind: 'absent', message });
  });

  it('is given up when it hangs, and no process is left', async () => {
    await dgx.change((scenario) => Object.assign(scenario.gpus[3] ?? {}, { hangs: true }));
    const before = (await dgx.runs()).length;
    await expect(smi(1_500).read(never)).rejects.toMatchObject({
      kind: 'failed',
      message: 'nvidia-smi: it did not answer within 1.5 s',
    });
    const hung = (await dgx.runs()).slice(before);
    expect(hung).toHaveLength(2);
    await waitUntil('they are gone', () => hung.every(({ pid }) => !isAlive(pid)));
  });

  it('ends with its caller', async () => {
    await dgx.change((scenario) => Object.assign(scenario.gpus[3] ?? {}, { hangs: true }));
    const caller = new AbortController();
    const before = (await dgx.runs()).length;
    const reading = smi().read(caller.signal);
    await waitUntil('both run', async () => (await dgx.runs()).length === before + 2);
    caller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    const runs = (await dgx.runs()).slice(before);
    await waitUntil('they are gone', () => runs.every(({ pid }) => !isAlive(pid)));
  });
});
