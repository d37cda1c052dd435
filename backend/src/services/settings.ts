/** The settings that hold now: the environment's, but for what operators have set, which is applied as soon as it is stored. */
import { type Settings, type SettingValues, storedSettings, type UpdateSettingsRequest } from '../contract/settings.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Catalog } from '../registry/catalog.ts';
import type { ModelRegistry } from '../registry/registry.ts';

export interface SettingsOptions {
  defaults: SettingValues;
  store: {
    read(): Promise<Record<string, unknown>>;
    /** null removes one; noted in the audit log with it. */
    change(actor: string, values: Readonly<Record<string, unknown>>): Promise<void>;
  };
  catalog: Pick<Catalog, 'hasModel' | 'isTarget' | 'setAliases'>;
  registry: Pick<ModelRegistry, 'keepPreloaded'>;
  log: Logger;
}

type Overrides = Partial<SettingValues>;
const NAMES = ['aliases', 'preload_models', 'job_retention_days', 'upload_retention_hours'] as const;

export class OperatorSettings {
  readonly #options: SettingsOptions;
  #overrides: Overrides = {};

  constructor(options: SettingsOptions) {
    this.#options = options;
  }

  get current(): SettingValues {
    return { ...this.#options.defaults, ...this.#overrides };
  }

  /** Before models are loaded. */
  async open(): Promise<void> {
    await this.#read();
    this.#options.catalog.setAliases(this.current.aliases);
  }

  /** Of what another gateway has stored. */
  async reload(): Promise<void> {
    const before = JSON.stringify(this.current);
    await this.#read();
    // Said again it is not done again: what was unloaded meanwhile stays so.
    if (JSON.stringify(this.current) !== before) this.#apply();
  }

  describe(): Settings {
    const { defaults } = this.#options;
    const { current } = this;
    const of = <N extends keyof SettingValues>(name: N) => ({
      value: current[name],
      default: defaults[name],
      overridden: this.#overrides[name] !== undefined,
    });
    return {
      object: 'settings',
      aliases: of('aliases'),
      preload_models: of('preload_models'),
      job_retention_days: of('job_retention_days'),
      upload_retention_hours: of('upload_retention_hours'),
    };
  }

  /** @throws invalid_value naming the member that is wrong. */
  async change(actor: string, request: UpdateSettingsRequest): Promise<Settings> {
    this.#check(request);
    const values = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
    if (Object.keys(values).length > 0) {
      await this.#options.store.change(actor, values);
      await this.reload();
    }
    return this.describe();
  }

  #check({ aliases, preload_models: preload }: UpdateSettingsRequest): void {
    const { catalog } = this.#options;
    for (const [alias, target] of Object.entries(aliases ?? {})) {
      const param = `aliases.${alias}`;
      if (catalog.hasModel(alias)) throw invalid(param, `'${alias}' is the id of a model.`);
      if (!catalog.isTarget(target)) throw invalid(param, `there is no model '${target}'.`);
    }
    const unknown = Array.isArray(preload) ? preload.find((id) => !catalog.hasModel(id)) : undefined;
    if (unknown !== undefined) throw invalid('preload_models', `there is no model '${unknown}'.`);
  }

  async #read(): Promise<void> {
    const { store, catalog, log } = this.#options;
    const stored: Record<string, unknown> = await store.read();
    const overrides: Record<string, unknown> = {};
    for (const name of NAMES) {
      const parsed = storedSettings.shape[name].safeParse(stored[name]);
      if (parsed.success && parsed.data !== undefined) overrides[name] = parsed.data;
      else if (!parsed.success) log.error('a stored setting is not valid, the environment holds', { name });
    }
    const kept: Overrides = overrides;
    // A model may be gone since, with another version of the gateway.
    if (kept.aliases !== undefined) {
      const known = Object.entries(kept.aliases).filter(([, target]) => catalog.isTarget(target));
      kept.aliases = Object.fromEntries(known.filter(([alias]) => !catalog.hasModel(alias)));
    }
    if (Array.isArray(kept.preload_models))
      kept.preload_models = kept.preload_models.filter((id) => catalog.hasModel(id));
    this.#overrides = kept;
  }

  #apply(): void {
    const { catalog, registry } = this.#options;
    const { aliases, preload_models: preload } = this.current;
    catalog.setAliases(aliases);
    registry.keepPreloaded(preload);
  }
}

function invalid(param: string, why: string): GatewayError {
  return new GatewayError('invalid_value', { message: `Invalid value for '${param}': ${why}`, param });
}
