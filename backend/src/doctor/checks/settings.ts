/** Settings that are valid and hardly meant. */
import { access } from 'node:fs/promises';
import type { DoctorFinding } from '../../contract/doctor.ts';
import { type Check, ok, warn } from '../check.ts';

export interface SettingsCheckOptions {
  /** Variables that nothing reads and that look like one which is read. */
  misspelled: readonly { name: string; meant: string }[];
  metricsToken: string | undefined;
  /** Keys of the environment. */
  keys: readonly string[];
  environment: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 5_000;

export function settingsCheck(options: SettingsCheckOptions): Check {
  return { id: 'settings', timeoutMs: TIMEOUT_MS, run: () => examineSettings(options) };
}

async function examineSettings(options: SettingsCheckOptions): Promise<DoctorFinding[]> {
  const { misspelled, metricsToken, keys, environment } = options;
  const findings = misspelled.map(({ name, meant }) =>
    warn(`settings.${name}`, {
      summary: `${name} is set, and nothing reads it.`,
      fix: `If ${meant} is meant, rename it.`,
    }),
  );
  if (metricsToken !== undefined && keys.includes(metricsToken)) {
    findings.push(
      warn('settings.METRICS_TOKEN', {
        summary: 'METRICS_TOKEN is an API key, too: whoever scrapes can do all that the key can.',
        fix: 'Give METRICS_TOKEN a value of its own.',
      }),
    );
  }
  const folders = (environment.LD_LIBRARY_PATH ?? '').split(':').filter((dir) => dir !== '');
  const there = await Promise.all(
    folders.map((dir) =>
      access(dir).then(
        () => true,
        () => false,
      ),
    ),
  );
  const absent = folders.filter((_, index) => !there[index]);
  if (absent.length > 0) {
    findings.push(
      warn('settings.LD_LIBRARY_PATH', {
        summary: `LD_LIBRARY_PATH names folders that are not there: ${absent.join(', ')}`,
        fix: 'Mend or remove them: libraries that are thought to be there are not found.',
      }),
    );
  }
  return findings.length > 0 ? findings : [ok('settings', 'Nothing strange')];
}
