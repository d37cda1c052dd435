/**
 * What a model family declares, and what its pipeline receives and returns. A model folder imports this file and
 * `contract`, `errors`, `audio`, `text`; nothing else of the backend.
 */
import type { TrackPart } from '../audio/overlap-add.ts';
import type { GraphFolding, OpenedSession, SessionOptions } from '../audio/session.ts';
import type { Diarization, DiarizationEvent, DiarizationParams } from '../contract/diarization.ts';
import type { SeparationEvent, SeparationParams, SeparationResult } from '../contract/separation.ts';
import type {
  TranscriptionCheckpoint,
  TranscriptionEvent,
  TranscriptionParams,
  TranscriptionResult,
} from '../contract/transcription.ts';

/** Each task's request, the events it may emit while running, and its result. Adding a task is adding a member. */
export interface Tasks {
  transcription: { params: TranscriptionParams; event: TranscriptionEvent; result: TranscriptionResult };
  diarization: { params: DiarizationParams; event: DiarizationEvent; result: Diarization };
  separation: { params: SeparationParams; event: SeparationEvent; result: SeparationResult };
}
export type Task = keyof Tasks;

/** A set of files of one hub repository that a model needs. */
export interface RepoFiles {
  /** `org/name` on the hub. */
  repo: string;
  /** Branch, tag or commit asked for. */
  revision: string;
  /** Paths inside the repository, `/`-separated. */
  files: readonly string[];
  /** It ships with the gateway, in the folder of this name: nothing is downloaded. */
  bundled?: true;
}

/** What a model computes on: `cuda` stands for every `cuda:N`. */
export type DeviceKind = 'cpu' | 'cuda';

/** Precisions that a repository holds side by side. */
export interface DtypeChoice {
  /** Taken unless the operator says otherwise (`MODEL_DTYPES`). */
  defaults: Readonly<Record<DeviceKind, string>>;
  /** By name: the files that come to the model's own. */
  files: Readonly<Record<string, readonly string[]>>;
}

export interface ModelDefinition extends RepoFiles {
  /** What callers name; unique over all families. */
  id: string;
  /** ISO 639-1 codes of the languages it understands; empty = not restricted. */
  languages: readonly string[];
  /** It can tell the log-probabilities of its tokens (`include[]=logprobs`). */
  logprobs?: boolean;
  /** The sources it takes audio apart into, in the order of its output. */
  stems?: readonly string[];
  /** It can tell when each word is said. */
  wordTimes?: boolean;
  /** It can search for the likeliest text along several beams (`beam_size`). */
  beamSearch?: boolean;
  /** It can also write English for other languages (`POST /v1/audio/translations`). */
  translates?: boolean;
  /** Day the model was published (ISO 8601), for `created` in model lists. */
  published?: string;
  /** SPDX identifier or the licence's name, for the operator. */
  license: string;
  /** Where there is a choice, `files` are those that every precision needs. */
  dtypes?: DtypeChoice;
  /** Other repositories it needs, by role (`vad`). */
  auxiliary?: Readonly<Record<string, RepoFiles>>;
  /** A first guess of resident bytes, until a load has been measured. */
  memory: { estimateBytes: number };
  /** Requests one replica works on at a time (they interleave inside the worker). */
  concurrency: number;
  /** Free for the family: graph file names, feature settings. Plain data: it crosses the process border. */
  settings?: unknown;
}

export interface RunInput {
  /** Absolute path of the spooled upload, readable by the worker. */
  audioPath: string;
  /** Caps that hold while decoding. */
  limits: { maxSeconds: number; maxDecodedBytes: number };
  /** The run may be interrupted and gone on with (families that cannot do so begin anew), or others need the audio too. */
  resume?: ResumeInput | undefined;
  /** Absolute path of a folder for the files that the task makes. */
  outputDir?: string | undefined;
  /** Of a separation that several replicas do together, each in the same `outputDir`: which step of it. */
  step?: SeparationStep | undefined;
}

/**
 * First the audio is decoded, then its parts are separated in any order, at the same time perhaps, and last they are joined
 * into the stems' files. A step that an earlier attempt has finished is not done again. Only the last one has a result to
 * speak of.
 */
export type SeparationStep = { name: 'decode' } | { name: 'part'; part: TrackPart } | { name: 'join'; parts: number };

export interface ResumeInput {
  /**
   * Absolute path of a file for the decoded audio (`audio/pcm-file.ts`): written by the first run, whichever model's, and
   * sought in by those after it. Left out where only the windows are wanted.
   */
  pcmPath?: string | undefined;
  /** What an earlier run left. Of no use to another model or other parameters: then the run begins anew. */
  from?: TranscriptionCheckpoint | undefined;
}

export interface RunContext<T extends Task> {
  /** Aborted when the client goes away, the request times out or the operator cancels. */
  signal: AbortSignal;
  /** Sends an event to the caller, in order. */
  emit(event: Tasks[T]['event']): void;
}

export interface Pipeline<T extends Task> {
  run(input: RunInput, params: Tasks[T]['params'], context: RunContext<T>): Promise<Tasks[T]['result']>;
  /** Releases sessions; the process exits afterwards. */
  dispose(): Promise<void>;
}

export interface LoadContext {
  model: ModelDefinition;
  /** The one of `model.dtypes` to load; undefined where there is no choice. */
  dtype: string | undefined;
  /** Windows decoded together at most; the family's own choice where undefined. Families without batches ignore it. */
  maxBatch?: number | undefined;
  /** Absolute path of one of `model.files` in its snapshot. */
  file(name: string): string;
  /** Absolute path of a file of an auxiliary repository. */
  auxiliaryFile(role: string, name: string): string;
  /** A folder for files derived from the snapshot (rewritten graphs), made on first use; survives restarts. */
  derivedFolder(): Promise<string>;
  /** Opens an ONNX graph (a path or its bytes) on this replica's device. */
  openSession(graph: string | Uint8Array, options?: SessionOptions): Promise<OpenedSession>;
  /** Absent where graphs are to run as they are published. */
  folding?: GraphFolding;
  /** The configured ffmpeg, for `decodeAudio`. */
  tools: { ffmpegPath: string; ffprobePath: string };
  log(message: string, fields?: Record<string, unknown>): void;
}

export interface PipelineModule<T extends Task> {
  load(context: LoadContext): Promise<Pipeline<T>>;
}

/** A repository that an operator adds to a family. */
export interface Registration {
  id: string;
  repo: string;
  revision: string;
  /** The family's to read. Plain data; its members are spelled as over HTTP. */
  settings: Record<string, unknown>;
}

/** How a family takes on repositories that it does not list. */
export interface Registrar {
  /**
   * The settings with what was left out, as far as it follows from the files (path and bytes) that the repository holds.
   * @throws invalid_value naming a setting that is wrong, or the files that are missing.
   */
  complete(registration: Registration, files: readonly { path: string; size: number }[]): Record<string, unknown>;
  /** The definition that follows from complete settings, always the same. @throws as above. */
  define(registration: Registration): ModelDefinition;
}

export interface Family<T extends Task = Task> {
  family: string;
  task: T;
  models: readonly ModelDefinition[];
  /** Absent where operators cannot add repositories of their own (`POST /api/admin/models`). Read by the gateway only. */
  registrar?: () => Promise<Registrar>;
  /** Loaded in the worker only: the gateway process never opens ONNX. */
  pipeline: () => Promise<PipelineModule<NoInfer<T>>>;
}

/** A family of whatever task: the element type of model lists. */
export type AnyFamily = { [T in Task]: Family<T> }[Task];

/** A family, its task checked against its pipeline. */
export function defineModel<T extends Task>(family: Family<T>): Family<T> {
  return family;
}
