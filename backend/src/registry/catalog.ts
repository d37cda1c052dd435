import type { Family, ModelDefinition } from '../models/define-model.ts';
import { chooseDtype } from './choose-dtype.ts';

export interface CatalogEntry {
  family: Family;
  definition: ModelDefinition;
  /** The operator's choice among the definition's precisions. */
  dtype?: string;
}

/** Every model that can be named: the families' models by id, and the aliases that clients hard-code. */
export class Catalog {
  readonly #entries: ReadonlyMap<string, CatalogEntry>;
  readonly #aliases: Readonly<Record<string, string>>;

  /**
   * `dtypes`: model → precision.
   * @throws Error naming an id declared twice, an alias of a model that does not exist or hides one, or a precision
   * that a model does not have.
   */
  constructor(
    families: readonly Family[],
    aliases: Readonly<Record<string, string>>,
    dtypes: Readonly<Record<string, string>> = {},
  ) {
    const entries = new Map<string, CatalogEntry>();
    for (const family of families) {
      for (const definition of family.models) {
        if (entries.has(definition.id)) throw new Error(`two models have the id ${definition.id}`);
        entries.set(definition.id, { family, definition });
      }
    }
    for (const [alias, target] of Object.entries(aliases)) {
      if (entries.has(alias)) throw new Error(`MODEL_ALIASES: "${alias}" is the id of a model`);
      if (!entries.has(target)) throw new Error(`MODEL_ALIASES: "${alias}" names "${target}", which is no model`);
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

  /** By id or alias; undefined when there is no such model. */
  find(name: string): CatalogEntry | undefined {
    const alias = Object.hasOwn(this.#aliases, name) ? this.#aliases[name] : undefined;
    return this.#entries.get(alias ?? name);
  }
}

function checkDtype(definition: ModelDefinition, dtype: string): void {
  try {
    chooseDtype(definition, 'cpu', dtype);
  } catch (error) {
    throw new Error(`MODEL_DTYPES: ${error instanceof Error ? error.message : error}`);
  }
}
