/** What operators do to models: download, delete, register and remove. */
import type { AdminModel } from '../contract/admin.ts';
import type { RegisterModelRequest } from '../contract/model-admin.ts';
import { GatewayError } from '../errors.ts';
import type { RepositoryFile } from '../hub/list-repository.ts';
import type { Logger } from '../logger.ts';
import type { Family, Registration } from '../models/define-model.ts';
import type { CatalogEntry } from '../registry/catalog.ts';
import type { ModelRegistry } from '../registry/registry.ts';

/** As it is kept: settings are complete. */
export interface RegisteredModel extends Registration {
  family: string;
}

export interface RegisteredModels {
  /** Notes it in the audit log too. @returns false when the id is taken. */
  add(actor: string, model: RegisteredModel): Promise<boolean>;
  /** Likewise. */
  remove(actor: string, id: string): Promise<void>;
}

export interface ModelAdminOptions {
  registry: Pick<
    ModelRegistry,
    'describe' | 'detail' | 'download' | 'pauseDownload' | 'cancelDownload' | 'deleteFiles' | 'add' | 'remove'
  >;
  families: readonly Family[];
  models: RegisteredModels;
  listRepository(repo: string, revision: string, signal: AbortSignal): Promise<readonly RepositoryFile[]>;
}

export type ModelAdmin = ReturnType<typeof createModelAdmin>;

export function createModelAdmin({ registry, families, models, listRepository }: ModelAdminOptions) {
  return {
    /** Id of a model by its id or alias. */
    idOf: (name: string) => registry.describe(name)?.id,

    detail: (name: string) => registry.detail(name),

    download: (name: string) => registry.download(name),

    pauseDownload: (name: string) => registry.pauseDownload(name),

    cancelDownload: (name: string, options: { discard: boolean }) => registry.cancelDownload(name, options),

    /** @returns what was deleted, in bytes. */
    async deleteFiles(name: string): Promise<{ id: string; bytes: number }> {
      const { id } = registry.describe(name) ?? { id: name };
      return { id, bytes: await registry.deleteFiles(name) };
    },

    /**
     * Adds a repository of the hub to one of the families.
     * @throws model_exists; invalid_value naming what is wrong, or the files that the repository lacks; the hub's errors.
     */
    async register(actor: string, request: RegisterModelRequest, signal: AbortSignal): Promise<AdminModel> {
      const { id, repo, revision } = request;
      if (registry.describe(id) !== undefined) throw taken(id);
      const family = families.find((item) => item.family === request.family);
      if (family?.registrar === undefined) throw noSuchFamily(request.family, families);
      const registrar = await family.registrar();
      const files = await listRepository(repo, revision, signal).catch(atFault);
      const settings = registrar.complete(request, files);
      const definition = registrar.define({ id, repo, revision, settings });
      if (!(await models.add(actor, { id, family: family.family, repo, revision, settings }))) throw taken(id);
      return await registry.add({ family, definition });
    },

    /** Its files stay. @returns its id. @throws model_not_found, model_is_built_in, model_in_use */
    async unregister(actor: string, name: string): Promise<string> {
      const entry = registry.remove(name);
      const { id } = entry.definition;
      try {
        await models.remove(actor, id);
      } catch (error) {
        await registry.add(entry);
        throw error;
      }
      return id;
    },
  };
}

/** The catalog entries of what is registered. One that this version cannot define is left out, with a line in the log. */
export async function defineRegistered(
  models: readonly RegisteredModel[],
  families: readonly Family[],
  log: Logger,
): Promise<CatalogEntry[]> {
  const entries: CatalogEntry[] = [];
  for (const model of models) {
    const family = families.find((item) => item.family === model.family);
    try {
      const registrar = await family?.registrar?.();
      if (family === undefined || registrar === undefined) throw new Error(`there is no family ${model.family}`);
      entries.push({ family, definition: registrar.define(model) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.error('a registered model cannot be offered', { model: model.id, reason });
    }
  }
  return entries;
}

function taken(id: string): GatewayError {
  return new GatewayError('model_exists', { message: `There is a model or an alias '${id}' already.`, param: 'id' });
}

export function noSuchFamily(name: string, families: readonly Family[]): GatewayError {
  const known = families.filter(({ registrar }) => registrar !== undefined).map(({ family }) => family);
  return new GatewayError('invalid_value', {
    message: `Invalid value for 'family': models can be added to ${known.join(', ')}, not to '${name}'.`,
    param: 'family',
  });
}

/** The caller named the repository: that it is not there is the request's fault. */
export function atFault(error: unknown): never {
  if (!(error instanceof GatewayError)) throw error;
  const { message } = error;
  if (error.code === 'hub_not_found') {
    throw new GatewayError('invalid_value', {
      message: `Invalid value for 'repo': ${message}`,
      param: 'repo',
      cause: error,
    });
  }
  if (error.code === 'hub_access_denied') {
    throw new GatewayError('hub_access_denied', { message, param: 'repo', cause: error });
  }
  throw error;
}
