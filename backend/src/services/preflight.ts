/** What adding a repository of the hub would mean: which family takes it, what would be fetched, and whether that can be. */
import type { AdminModel } from '../contract/admin.ts';
import type { ModelPreflight, PreflightRequest } from '../contract/model-admin.ts';
import { GatewayError } from '../errors.ts';
import type { ExaminedRepository } from '../hub/examine-repository.ts';
import { parseRepoAddress } from '../hub/hub-names.ts';
import type { DeviceKind, Family, ModelDefinition, RepoFiles } from '../models/define-model.ts';
import { chooseDtype } from '../registry/choose-dtype.ts';
import { atFault, noSuchFamily } from './model-admin.ts';

export interface PreflightOptions {
  families: readonly Family[];
  endpoint: string;
  minFreeBytes: number;
  models(): readonly Pick<AdminModel, 'id' | 'repo'>[];
  /** Where it would be loaded. */
  deviceKind(): DeviceKind;
  /** @throws the hub's errors. */
  examine(where: { repo: string; revision: string }, signal: AbortSignal): Promise<ExaminedRepository>;
  /** Of the model cache's disk. */
  freeBytes(): Promise<number>;
}

type Candidate = ModelPreflight['candidates'][number] & { definition: ModelDefinition | undefined };
interface Wanted {
  files: ModelPreflight['files'];
  missing: number;
}

/** The result throws invalid_value naming `repo` or `family`, and the hub's errors. */
export function createPreflight(options: PreflightOptions) {
  const { families, endpoint, minFreeBytes, models, examine } = options;

  return async (request: PreflightRequest, signal: AbortSignal): Promise<ModelPreflight> => {
    const address = parseRepoAddress(request.repo, endpoint);
    const { repo } = address;
    const revision = request.revision ?? address.revision ?? 'main';
    const able = families.filter((family) => family.registrar !== undefined);
    const asked = able.filter(({ family }) => request.family === undefined || family === request.family);
    if (asked.length === 0) throw noSuchFamily(request.family ?? '', families);
    const examined = await examine({ repo, revision }, signal).catch(atFault);
    const candidates = await Promise.all(asked.map((family) => judge(family, { repo, revision }, examined)));
    const chosen = choose(candidates, repo);
    const { files, missing } = await wanted(chosen?.definition, { repo, examined, signal });
    const free = await options.freeBytes();
    return {
      object: 'model.preflight',
      repo,
      revision,
      commit: examined.commit,
      license: examined.license,
      gated: examined.gated === false ? null : examined.gated,
      accessible: examined.accessible,
      supported: chosen !== undefined,
      family: chosen?.family ?? null,
      task: chosen?.task ?? null,
      reason: chosen === undefined ? reasonAgainst(candidates, examined) : null,
      candidates: candidates.map(({ definition: _, ...candidate }) => candidate),
      models: models()
        .filter((model) => model.repo === repo)
        .map(({ id }) => id),
      files,
      total_bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      missing_bytes: missing,
      free_bytes: free,
      free_bytes_after: free - missing,
      fits: missing === 0 || free - missing >= minFreeBytes,
    };
  };

  /** Without a definition nothing would be fetched. */
  async function wanted(
    definition: ModelDefinition | undefined,
    { repo, examined, signal }: { repo: string; examined: ExaminedRepository; signal: AbortSignal },
  ): Promise<Wanted> {
    if (definition === undefined) return { files: [], missing: 0 };
    const { definition: own } = chooseDtype(definition, options.deviceKind(), undefined);
    const parts = [await filesOf(repo, own.files, examined)];
    for (const auxiliary of Object.values(definition.auxiliary ?? {})) {
      const other = await examine(auxiliary, signal).catch(atFault);
      parts.push(await filesOf(auxiliary.repo, auxiliary.files, other));
    }
    return { files: parts.flatMap(({ files }) => files), missing: parts.reduce((sum, part) => sum + part.missing, 0) };
  }
}

async function filesOf(repo: string, names: RepoFiles['files'], examined: ExaminedRepository): Promise<Wanted> {
  const found = examined.files.filter(({ path }) => names.includes(path));
  return {
    files: found.map(({ path, size }) => ({ repo, path, bytes: size })),
    missing: await examined.missingBytes(found),
  };
}

async function judge(
  { family, task, registrar }: Family,
  where: { repo: string; revision: string },
  { files }: ExaminedRepository,
): Promise<Candidate> {
  const registration = { ...where, id: where.repo.toLowerCase(), settings: {} };
  try {
    const reader = await registrar?.();
    const settings = reader?.complete(registration, files) ?? {};
    const definition = reader?.define({ ...registration, settings });
    return { family, task, supported: definition !== undefined, param: null, reason: null, definition };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const param = error.param?.startsWith('settings.') ? error.param : null;
    return { family, task, supported: false, param, reason: error.message, definition: undefined };
  }
}

/** Of several that could take it, the one that its name speaks of: a lone graph says little of what it computes. */
function choose(candidates: readonly Candidate[], repo: string): Candidate | undefined {
  const able = candidates.filter(({ supported }) => supported);
  if (able.length <= 1) return able[0];
  const named = able.filter(({ family }) => repo.toLowerCase().includes(family.toLowerCase()));
  return named.length === 1 ? named[0] : undefined;
}

function reasonAgainst(candidates: readonly Candidate[], { files }: ExaminedRepository): string {
  const able = candidates.filter(({ supported }) => supported).map(({ family }) => family);
  if (able.length > 1) return `Several families could take it: ${able.join(', ')}. Name one as 'family'.`;
  if (!files.some(({ path }) => path.endsWith('.onnx'))) {
    return 'It holds no ONNX graph. Look for a repository of the same model with ONNX files, such as those of onnx-community.';
  }
  const [only, ...others] = candidates;
  if (only !== undefined && others.length === 0) return only.reason ?? '';
  return 'Its files are not laid out as any family of this server expects; `candidates` says what each one misses.';
}
