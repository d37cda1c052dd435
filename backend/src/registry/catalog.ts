import { GatewayError } from '../errors.ts';
import type { Family, ModelDefinition } from '../models/define-model.ts';
import { chooseDtype } from './choose-dtype.ts';
import { isBuiltIn } from './model-use.ts';

/** In place of a model's id, what an alias means by it: the transcription model that is taken where none is named. */
export const AUTO = 'auto';

export interface CatalogEntry {
  family: Family;
  definition: ModelDefinition;
  /** The operator's choice among the definition's precisions. */
  dtype?: string;
  /** An operator added it: it can be removed, and no module lists it. */
  registered?: boolean;
}

/** Every model that can be named: the families' models by id, and the aliases that clients hard-code. */
export class Catalog {
  readonly #entries: Map<string, CatalogEntry>;
  #aliases: Readonly<Record<string, string>>;

  /**
   * `dtypes`: model → precision. `registered` come after the families' own, which win.
   * @throws Error naming an id declared twice, an alias of a model that does not exist or hides one, or a precision
   * that a model does not have.
   */
  constructor(
    families: readonly Family[],
    aliases: Readonly<Record<string, string>>,
    dtypes: Readonly<Record<string, string>> = {},
    registered: readonly CatalogEntry[] = [],
  ) {
    const entries = new Map<string, CatalogEntry>();
    for (const family of families) {
      for (const definition of family.models) {
        if (entries.has(definition.id)) throw new Error(`two models have the id ${definition.id}`);
        entries.set(definition.id, { family, definition });
      }
    }
    for (const entry of registered) {
      const { id } = entry.definition;
      if (!entries.has(id)) entries.set(id, { ...entry, registered: true });
    }
    for (const [alias, target] of Object.entries(aliases)) {
      if (entries.has(alias)) throw new Error(`MODEL_ALIASES: "${alias}" is the id of a model`);
      if (target !== AUTO && !entries.has(target))
        throw new Error(`MODEL_ALIASES: "${alias}" names "${target}", which is no model`);
    }
    for (const [id, dtype] of Object.entries(dtypes)) {
      const entry = entries.get(id);
      if (entry === undefined) throw new Error(`MODEL_DTYPES: "${id}" is no model`);
      checkDtype(entry.definition, dtype);
      entries.set(id, { ...entry, dtype });
    }
    this.#entries = entries;
    this.#aliases = aliases;
  }

  get entries(): CatalogEntry[] {
    return [...this.#entries.values()];
  }

  /** By id alone. */
  hasModel(id: string): boolean {
    return this.#entries.has(id);
  }

  /** In place of those before: each must name a model, and none hide one. */
  setAliases(aliases: Readonly<Record<string, string>>): void {
    this.#aliases = aliases;
  }

  /** Adds a model that an operator registered. @throws model_exists */
  add(entry: CatalogEntry): CatalogEntry {
    const { id } = entry.definition;
    if (this.#entries.has(id) || Object.hasOwn(this.#aliases, id)) {
      throw new GatewayError('model_exists', { message: `There is a model or an alias '${id}' already.`, param: 'id' });
    }
    const added = { ...entry, registered: true };
    this.#entries.set(id, added);
    return added;
  }

  /** @throws model_is_built_in; model_in_use when the configuration names it: the next start would fail. */
  requireRemovable(id: string): CatalogEntry {
    const entry = this.#entries.get(id);
    if (entry?.registered !== true) {
      throw isBuiltIn(id, 'only registered models can be removed');
    }
    if (entry.dtype !== undefined || Object.values(this.#aliases).includes(id)) {
      throw new GatewayError('model_in_use', {
        message: `An alias or MODEL_DTYPES names the model '${id}'. Take it out of there first.`,
        param: 'key',
      });
    }
    return entry;
  }

  remove(id: string): void {
    this.#entries.delete(id);
  }

  /** What a worker must be told of a model that no module lists; undefined for the others. */
  registration(id: string): { family: string; definition: ModelDefinition } | undefined {
    const entry = this.#entries.get(id);
    return entry?.registered === true ? { family: entry.family.family, definition: entry.definition } : undefined;
  }

  /** Whether an alias may stand for it. */
  isTarget(name: string): boolean {
    return name === AUTO || this.hasModel(name);
  }

  /** Id of the model that is called by an id or alias, or `AUTO`; undefined when there is no such model. */
  idOf(name: string): string | undefined {
    const id = Object.hasOwn(this.#aliases, name) ? this.#aliases[name] : name;
    return id !== undefined && (this.hasModel(id) || Object.hasOwn(this.#aliases, name)) ? id : undefined;
  }
}

function checkDtype(definition: ModelDefinition, dtype: string): void {
  try {
    chooseDtype(definition, 'cpu', dtype);
  } catch (error) {
    throw new Error(`MODEL_DTYPES: ${error instanceof Error ? error.message : error}`);
  }
}
