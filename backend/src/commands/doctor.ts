/** `npm run doctor [-- --json]`: examines this machine and this configuration, whether the gateway runs or not. */
import { parseArgs } from 'node:util';
import { type Config, loadConfig } from '../config.ts';
import type { DoctorReport } from '../contract/doctor.ts';
import { type Check, fail } from '../doctor/check.ts';
import { allChecks } from '../doctor/checks/all.ts';
import { examine } from '../doctor/examine.ts';
import { NvidiaSmi } from '../gpu/nvidia-smi.ts';
import { readToken } from '../hub/token.ts';
import { DEFAULT_MODEL_LIST, loadModelList } from '../models/load-model-list.ts';
import { Catalog } from '../registry/catalog.ts';
import { neededRepos } from '../registry/needed-repos.ts';
import { describeUrl } from '../store/database.ts';
import { examineDatabase } from '../store/examine-database.ts';
import { visitDatabaseAsItIs } from '../store/visit-database.ts';
import { commandLog, runCommand, say } from './command.ts';

const GPU_TIMEOUT_MS = 15_000;

await runCommand(async () => {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
  const report = await examine(await createChecks(), new AbortController().signal);
  say(values.json ? JSON.stringify(report, null, 2) : toTable(report));
  if (report.status === 'fail') process.exitCode = 1;
});

/** Settings that stop a start are a finding, too; without them there is nothing else to examine. */
async function createChecks(): Promise<Check[]> {
  try {
    return await checksOf(loadConfig(process.env));
  } catch (error) {
    const [summary = '', ...rest] = (error instanceof Error ? error.message : String(error)).split('\n');
    const fix = 'Mend the variables; doc/configuration.md describes each.';
    const finding = fail('settings', { summary, fix, detail: rest.join('\n') });
    return [{ id: 'settings', timeoutMs: 1_000, run: async () => [finding] }];
  }
}

async function checksOf(config: Config): Promise<Check[]> {
  const { dataDir, databaseUrl, modelCacheDir, models, childEnvironment: environment } = config;
  const catalog = new Catalog(await loadModelList(DEFAULT_MODEL_LIST), models.aliases, models.dtypes);
  const smi = new NvidiaSmi({ program: config.gpu.nvidiaSmi, environment, timeoutMs: GPU_TIMEOUT_MS });
  return allChecks({
    settings: config,
    readToken: () => readToken({ env: config.hub.token, cacheDir: modelCacheDir }),
    repositories: neededRepos(catalog),
    readGpus: (signal) => smi.read(signal),
    wantedDevices: () => [],
    examineDatabase: async () => {
      const found = await visitDatabaseAsItIs({ dataDir, databaseUrl, log: commandLog }, examineDatabase);
      if (found === undefined) return undefined;
      const place = databaseUrl === undefined ? `embedded in ${dataDir}` : describeUrl(databaseUrl);
      return { ...found, description: `PostgreSQL ${found.version}, ${place}` };
    },
  });
}

function toTable({ data, seconds }: DoctorReport): string {
  const width = Math.max(...data.map(({ id }) => id.length));
  const indent = ' '.repeat(width + 8);
  const lines = data.flatMap(({ id, status, summary, fix, detail }) => [
    `${status.padEnd(4)}  ${id.padEnd(width)}  ${summary}`,
    ...(fix === null ? [] : [`${indent}→ ${fix}`]),
    // Of what is well, the summary is enough.
    ...(status === 'ok' || detail === null ? [] : detail.split('\n').map((line) => `${indent}  ${line}`)),
  ]);
  const count = (status: string) => data.filter((finding) => finding.status === status).length;
  const totals = `${count('ok')} ok, ${count('warn')} warn, ${count('fail')} fail; ${seconds.toFixed(1)} s`;
  return [...lines, '', totals].join('\n');
}
