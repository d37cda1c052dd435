/** The settings as they are being edited; null: as the environment says. */
import type { Settings, UpdateSettingsRequest } from '@contract/settings.ts';

export interface AliasRow {
  alias: string;
  model: string;
}

export interface SettingsDraft {
  aliases: readonly AliasRow[] | null;
  preload: 'present' | readonly string[] | null;
  jobDays: string | null;
  uploadHours: string | null;
}

export type SettingName = keyof SettingsDraft;

export function draftOf(settings: Settings): SettingsDraft {
  const { aliases, preload_models: preload, job_retention_days: days, upload_retention_hours: hours } = settings;
  return {
    aliases: aliases.overridden ? aliasRows(aliases.value) : null,
    preload: preload.overridden ? preload.value : null,
    jobDays: days.overridden ? String(days.value) : null,
    uploadHours: hours.overridden ? String(hours.value) : null,
  };
}

export function aliasRows(aliases: Record<string, string>): AliasRow[] {
  return Object.entries(aliases).map(([alias, model]) => ({ alias, model }));
}

/** What differs from the settings as they are, in the order of the page. */
export function changedSettings(settings: Settings, draft: SettingsDraft): SettingName[] {
  const before = draftOf(settings);
  const names = Object.keys(before) as SettingName[];
  return names.filter((name) => canonical(name, before[name]) !== canonical(name, draft[name]));
}

/** Fields that cannot be sent as they are. */
export function draftProblems(draft: SettingsDraft): ReadonlySet<SettingName> {
  const problems = new Set<SettingName>();
  const rows = draft.aliases ?? [];
  const names = rows.map(({ alias }) => alias.trim());
  const areNamed = rows.every(({ alias, model }) => /^[^=,\s]{1,200}$/.test(alias.trim()) && model !== '');
  if (!areNamed || new Set(names).size < names.length) problems.add('aliases');
  if (draft.jobDays !== null && !isWhole(draft.jobDays, 1, 36_500)) problems.add('jobDays');
  if (draft.uploadHours !== null && !isWhole(draft.uploadHours, 0, 876_000)) problems.add('uploadHours');
  return problems;
}

/** Only what has changed is sent. */
export function toPatch(settings: Settings, draft: SettingsDraft): UpdateSettingsRequest {
  const changed = new Set(changedSettings(settings, draft));
  const { aliases, preload, jobDays, uploadHours } = draft;
  return {
    ...(changed.has('aliases') && {
      aliases: aliases && Object.fromEntries(aliases.map(({ alias, model }) => [alias.trim(), model])),
    }),
    ...(changed.has('preload') && {
      preload_models: preload === null || preload === 'present' ? preload : [...preload],
    }),
    ...(changed.has('jobDays') && { job_retention_days: jobDays === null ? null : Number(jobDays) }),
    ...(changed.has('uploadHours') && { upload_retention_hours: uploadHours === null ? null : Number(uploadHours) }),
  };
}

function isWhole(text: string, least: number, most: number): boolean {
  const value = Number(text);
  return text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most;
}

/** The order of aliases and of models means nothing. */
function canonical(name: SettingName, value: SettingsDraft[SettingName]): string {
  if (name === 'aliases' && value !== null) {
    const rows = value as readonly AliasRow[];
    return JSON.stringify(rows.map(({ alias, model }) => `${alias.trim()}=${model}`).toSorted());
  }
  return JSON.stringify(Array.isArray(value) ? value.toSorted() : value);
}
