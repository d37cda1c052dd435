import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig, VARIABLES } from '../backend/src/config.ts';
import { PROJECT_ROOT } from './support/shared.ts';

describe('configuration', () => {
  it('has a default for everything', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8000,
      apiKeys: [],
      models: { lazy: true, autoDownload: true },
    });
    expect(config.upload.maxFileBytes).toBe(512 * 2 ** 20);
    expect(config.models.aliases['whisper-1']).toBe('auto');
  });

  it('lists every problem at once and replaces none by a default', () => {
    const load = () =>
      loadConfig({
        API_PORT: '80x',
        LOG_LEVEL: 'loud',
        MODEL_ALIASES: 'a=b,nonsense',
        OPENAI_API_KEYS: 'short',
        MAX_FILE_SIZE_MB: '0',
      });
    for (const name of ['API_PORT', 'LOG_LEVEL', 'MODEL_ALIASES', 'OPENAI_API_KEYS', 'MAX_FILE_SIZE_MB']) {
      expect(load).toThrow(new RegExp(`^\\s+${name}: `, 'm'));
    }
  });

  it('reads pairs, and names what is none', () => {
    const { models } = loadConfig({ MODEL_DTYPES: 'whisper-small=fp32/q8, whisper-tiny=fp16' });
    expect(models.dtypes).toEqual({ 'whisper-small': 'fp32/q8', 'whisper-tiny': 'fp16' });
    expect(() => loadConfig({ MODEL_DTYPES: 'fp16' })).toThrow('MODEL_DTYPES: "fp16" is not model=dtype');
  });

  it('knows whom to trust, and nobody who is everybody', () => {
    expect(loadConfig({}).trustProxy).toBe(false);
    expect(loadConfig({ TRUST_PROXY: '2' }).trustProxy).toBe(2);
    expect(loadConfig({ TRUST_PROXY: 'loopback, 10.0.0.0/8,fd00::/8' }).trustProxy).toEqual([
      'loopback',
      '10.0.0.0/8',
      'fd00::/8',
    ]);
    for (const value of ['true', 'yes', '10.0.0.0/33', '10.0.0', 'proxy.example', '10.0.0.0/8/8', '-1', ',']) {
      expect(() => loadConfig({ TRUST_PROXY: value }), value).toThrow(/TRUST_PROXY: .* neither/);
    }
  });

  it('takes a path for nvidia-smi, or the name itself, which is the one the details of a GPU are asked by', () => {
    expect(loadConfig({}).gpu).toEqual({ nvidiaSmi: 'nvidia-smi', pollSeconds: 5 });
    expect(loadConfig({ NVIDIA_SMI: '/opt/bin/nvidia-smi' }).gpu.nvidiaSmi).toBe('/opt/bin/nvidia-smi');
    for (const value of ['smi', '/opt/bin/nvidia-smi.sh', '/opt/nvidia-smi/']) {
      expect(() => loadConfig({ NVIDIA_SMI: value }), value).toThrow(
        /NVIDIA_SMI: must be a path that ends in nvidia-smi/,
      );
    }
  });

  it('never repeats a secret in a problem', () => {
    expect(() =>
      loadConfig({ OPENAI_API_KEYS: 'tiny', ADMIN_API_KEYS: 'geheim', DATABASE_URL: 'mysql://u:geheim@h/n' }),
    ).toThrow(expect.objectContaining({ message: expect.not.stringMatching(/tiny|geheim/) }));
  });

  it('takes a token for metrics that a header can carry and nobody guesses', () => {
    expect(loadConfig({}).metricsToken).toBeUndefined();
    expect(loadConfig({ METRICS_TOKEN: 'abcdefghijklmnop' }).metricsToken).toBe('abcdefghijklmnop');
    for (const value of ['abcdefghijklmno', 'abcdefghijklm nop', 'äbcdefghijklmnop']) {
      expect(() => loadConfig({ METRICS_TOKEN: value }), value).toThrow(/METRICS_TOKEN: (is shorter|holds characters)/);
    }
  });

  it('notices names that are a slip of one of its own', () => {
    const names = ['OPENAI_API_KEY', 'LOG_LEVL', 'DATADIR', 'METRIC_TOKENS'];
    expect(loadConfig(Object.fromEntries(names.map((name) => [name, 'x']))).misspelled).toEqual([
      { name: 'OPENAI_API_KEY', meant: 'OPENAI_API_KEYS' },
      { name: 'LOG_LEVL', meant: 'LOG_LEVEL' },
      { name: 'DATADIR', meant: 'DATA_DIR' },
      { name: 'METRIC_TOKENS', meant: 'METRICS_TOKEN' },
    ]);
    const others = ['HF_HOME', 'LOGNAME', 'PATH', 'API_KEY', 'NVIDIA_VISIBLE_DEVICES', 'LD_LIBRARY_PATH', 'LOG_LEVEL'];
    expect(loadConfig(Object.fromEntries(others.map((name) => [name, 'info']))).misspelled).toEqual([]);
  });

  it('takes an empty value as unset', () => {
    expect(loadConfig({ API_PORT: '', HF_ENDPOINT: '' })).toMatchObject({
      port: 8000,
      hub: { endpoint: 'https://huggingface.co' },
    });
  });

  it('never downloads when models are not lazily loaded', () => {
    expect(loadConfig({ LAZY_LOAD_MODELS: 'false' }).models.autoDownload).toBe(false);
  });

  it("keeps the gateway's variables from the workers", () => {
    const env = {
      PATH: '/bin',
      OPENAI_API_KEYS: 'user-key-1',
      HF_TOKEN: 'hf_x',
      CUDA_HOME: '/cuda',
      DATABASE_URL: 'postgresql://user:password@host/name',
    };
    expect(loadConfig(env).childEnvironment).toEqual({ PATH: '/bin', CUDA_HOME: '/cuda' });
  });

  it('is documented, variable by variable, with its default', () => {
    const text = readFileSync(join(PROJECT_ROOT, 'doc/configuration.md'), 'utf8');
    const documented = [...text.matchAll(/^\| `([A-Z_]+)` \| (?:`([^`]*)`|–) \|/gm)].map(([, name, value]) => [
      name,
      value,
    ]);
    const expected = Object.entries(VARIABLES).map(([name, { default: value }]) => [
      name,
      value === '' ? undefined : value,
    ]);
    expect(documented).toEqual(expected);
  });
});
