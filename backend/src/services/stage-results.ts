/** What a job's stages made, kept so that later jobs of the same key over the same audio take it instead of computing it again. */
import { constants } from 'node:fs';
import { copyFile, link, readFile } from 'node:fs/promises';
import type { DiarizationRequest } from '../contract/diarization.ts';
import type { AskedStem, SeparationParams } from '../contract/separation.ts';
import type { TranscriptionParams } from '../contract/transcription.ts';
import type { JobRow } from '../jobs/job-service.ts';
import type { ModelIdentity } from '../registry/model-identity.ts';
import type { ModelRegistry } from '../registry/registry.ts';
import { requestKey } from './request-key.ts';

/** Path, on this machine, of what a job of the owner left under that key. */
export type FindStage = (owner: string, key: string) => Promise<string | undefined>;

export type StageName = 'separation' | 'transcription' | 'diarization';

export interface StageReuse {
  owner: string;
  inputSha256: string;
  find(key: string): Promise<string | undefined>;
  /** It is not computed. */
  onReused(stage: StageName): void;
  /** It was computed, or taken, and this is it; without a key nobody can find it again. */
  onResult(stage: StageName, result: object, key: string | undefined): void;
  onStem(stem: AskedStem, key: string | undefined): void;
}

/** Whose stages, over which audio. */
export type StageSource = Pick<StageReuse, 'owner' | 'inputSha256'>;

/** Of a job's; undefined while the audio has no hash. */
export function sourceOf({ owner, input_sha256: inputSha256 }: JobRow): StageSource | undefined {
  return inputSha256 === null ? undefined : { owner, inputSha256 };
}

type Identities = Pick<ModelRegistry, 'identify'>;
type Identified = ModelIdentity | undefined;
type Key = string | undefined;

/** Keys of a separation and of each of its stems; undefined while it is not known what they depend on. */
export async function separationKeys(
  registry: Identities,
  source: StageSource,
  { model, params }: { model: string; params: SeparationParams },
): Promise<{ whole: Key; stem(stem: AskedStem): Key }> {
  const identity = await registry.identify(model, 'separation');
  const { output, shifts } = params;
  return {
    whole: keyOf(source, 'separation', [identity], params),
    // Whatever the others are.
    stem: (stem) => keyOf(source, 'separation', [identity], { stem, output, shifts }),
  };
}

/** Keys of a transcript, and of who speaks in the same audio, which may be the vocals that `separated` tells of. */
export async function transcriptKeys(
  registry: Identities,
  source: StageSource,
  { model, params, separated }: { model: string; params: TranscriptionParams; separated: SeparationParams | undefined },
): Promise<{ transcription: Key; diarization: Key }> {
  const { diarize, separate, ...own } = params;
  const heard = separated && { output: separated.output, shifts: separated.shifts };
  const separators = separate === undefined ? [] : [await registry.identify(separate.model, 'separation')];
  const transcriber = await registry.identify(model, 'transcription');
  return {
    transcription: keyOf(source, 'transcription', [transcriber, ...separators], { ...own, heard }),
    diarization: diarize && (await diarizationKey(registry, source, { diarize, heard, separators })),
  };
}

/** Of all of the audio where nothing was separated before. */
export async function diarizationKey(
  registry: Identities,
  source: StageSource,
  {
    diarize,
    heard,
    separators = [],
  }: { diarize: DiarizationRequest; heard?: object | undefined; separators?: Identified[] },
): Promise<Key> {
  const diarizer = await registry.identify(diarize.model, 'diarization');
  return keyOf(source, 'diarization', [diarizer, ...separators], { ...diarize, heard });
}

function keyOf(source: StageSource, stage: StageName, models: readonly Identified[], params: object): Key {
  const known = models.filter((model) => model !== undefined);
  if (known.length < models.length) return undefined;
  return requestKey({ ...source, task: `stage:${stage}`, models: known, params });
}

/** @returns what was stored as JSON; undefined where there is nothing, or not any more. */
export async function readStage<T>({ find }: Pick<StageReuse, 'find'>, key: Key): Promise<T | undefined> {
  const path = key === undefined ? undefined : await find(key);
  if (path === undefined) return undefined;
  const text = await readFile(path, 'utf8').catch(goneIsNothing);
  // Written by a job of this very stage.
  return text === undefined ? undefined : JSON.parse(text);
}

/** Puts the file of `key` at `path`, where it stays when the job that made it goes. @returns false where there is none. */
export async function takeStage({ find }: Pick<StageReuse, 'find'>, key: Key, path: string): Promise<boolean> {
  const found = key === undefined ? undefined : await find(key);
  if (found === undefined) return false;
  const taken = await link(found, path)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return;
      if (error.code !== 'EXDEV' && error.code !== 'EPERM') throw error;
      return copyFile(found, path, constants.COPYFILE_FICLONE);
    })
    .then(() => true)
    .catch(goneIsNothing);
  return taken ?? false;
}

function goneIsNothing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
