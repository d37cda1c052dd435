/** The files of one model and of its auxiliary repositories on disk: the single writer of their state. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { abortable } from '../abortable.ts';
import { GatewayError, toGatewayError } from '../errors.ts';
import type { KeptFiles } from '../hub/delete-snapshot.ts';
import type { ModelDefinition, RepoFiles } from '../models/define-model.ts';
import { DownloadMeter } from './download-meter.ts';

export interface Snapshot {
  commit: string;
  /** Absolute folder with the files of `commit`. */
  dir: string;
}

/** What the registry needs of the hub; `app.ts` passes the real one. */
export interface ModelHub {
  /** Without network: the snapshot of `files`, if every one is on disk. */
  find(files: RepoFiles): Promise<Snapshot | undefined>;
  download(
    files: RepoFiles,
    options: { signal: AbortSignal; onProgress(progress: FetchProgress): void },
  ): Promise<Snapshot>;
  /** What is known of a repository, without network. */
  known(repo: string): KnownRepository;
  /** Deletes `files` but for those in `keep`. @returns bytes deleted. */
  delete(files: RepoFiles, keep: readonly KeptFiles[]): Promise<number>;
}

export interface KnownRepository {
  /** Its page, where a licence is accepted. */
  url: string;
  gated?: false | 'auto' | 'manual';
  accessible?: boolean;
  /** Bytes by path. */
  sizes?: ReadonlyMap<string, number>;
}

export interface FetchProgress {
  bytes: number;
  totalBytes: number;
  /** Of the bytes, those that this download has fetched; begun again, they count again. */
  fetchedBytes: number;
  phase: 'downloading' | 'verifying';
}

export interface PresentFiles {
  main: Snapshot;
  auxiliary: Record<string, Snapshot>;
}

export type FilesState = 'absent' | 'downloading' | 'present' | 'failed';

/** A line that has been silent for less may just be slow. */
const STALLED_SECONDS = 3;
const TICK_MS = 1_000;
const AT_REST = { bytes_per_second: null, eta_seconds: null, stalled_seconds: 0 };

export class ModelFiles {
  readonly #definition: ModelDefinition;
  readonly #hub: ModelHub;
  readonly #onChange: () => void;
  readonly #onProgress: () => void;
  #state: FilesState = 'absent';
  #present: PresentFiles | undefined;
  #failure: GatewayError | undefined;
  #progress = new Map<string, { bytes: number; totalBytes: number }>();
  #download: { promise: Promise<PresentFiles>; controller: AbortController } | undefined;
  #deletion: Promise<number> | undefined;
  #meter: DownloadMeter | undefined;
  #phase: 'listing' | FetchProgress['phase'] = 'listing';
  #isPaused = false;

  /** `onProgress` is called at most four times a second, `onChange` when the state changes and with progress. */
  constructor(
    definition: ModelDefinition,
    hub: ModelHub,
    { onChange, onProgress }: { onChange(): void; onProgress(): void },
  ) {
    this.#definition = definition;
    this.#hub = hub;
    this.#onChange = onChange;
    this.#onProgress = onProgress;
  }

  get state(): FilesState {
    return this.#state;
  }

  /** Where they are, once they have been found. */
  get present(): PresentFiles | undefined {
    return this.#present;
  }

  /** Snapshot commit, once known. */
  get commit(): string | undefined {
    return this.#present?.main.commit;
  }

  get progress(): { bytes: number; totalBytes: number } {
    const all = [...this.#progress.values()];
    return {
      bytes: all.reduce((sum, item) => sum + item.bytes, 0),
      totalBytes: all.reduce((sum, item) => sum + item.totalBytes, 0),
    };
  }

  /** All that a download would fetch, were nothing of it here; undefined while the hub has not told all sizes. */
  get downloadBytes(): number | undefined {
    const { auxiliary = {} } = this.#definition;
    const sizes = [this.#definition, ...Object.values(auxiliary)].flatMap(({ repo, files }) => {
      const known = this.#hub.known(repo).sizes;
      return files.map((file) => known?.get(file));
    });
    return sizes.reduce((sum, size) => (sum === undefined || size === undefined ? undefined : sum + size), 0);
  }

  describe() {
    const { bytes, totalBytes } = this.progress;
    return {
      state: this.#state,
      bytes,
      total_bytes: totalBytes,
      commit: this.commit ?? null,
      reason: this.#failure?.message ?? null,
      download: this.#describeDownload(),
    };
  }

  /** Looks on disk, without network. */
  async find(): Promise<PresentFiles | undefined> {
    await this.#deletion?.catch(() => {});
    if (this.#present !== undefined) return this.#present;
    const main = await this.#findOne(this.#definition);
    if (main === undefined) return undefined;
    const auxiliary: Record<string, Snapshot> = {};
    for (const [role, files] of Object.entries(this.#definition.auxiliary ?? {})) {
      const snapshot = await this.#findOne(files);
      if (snapshot === undefined) return undefined;
      auxiliary[role] = snapshot;
    }
    return this.#setPresent({ main, auxiliary });
  }

  /**
   * The files, downloading them if need be. Callers share one download, which goes on when a caller leaves.
   * @throws model_not_downloaded when absent and `mayDownload` is false; the hub's errors.
   */
  async ensurePresent(mayDownload: boolean, signal: AbortSignal): Promise<PresentFiles> {
    const found = await this.find();
    if (found !== undefined) return found;
    if (!mayDownload) throw notDownloaded(this.#definition);
    this.#download ??= this.#beginDownload();
    return await abortable(this.#download.promise, signal);
  }

  /** Starts the download unless the files are here or on their way; the state tells how it goes. */
  async startDownload(): Promise<void> {
    if ((await this.find()) === undefined) this.#download ??= this.#beginDownload();
  }

  /** What must stay on disk for this model. */
  get needed(): KeptFiles[] {
    if (this.#state === 'downloading') return this.#repositories.map((files) => ({ ...files, commit: undefined }));
    const present = this.#present;
    if (present === undefined) return [];
    const auxiliary = Object.entries(this.#definition.auxiliary ?? {}).map(([role, files]) => ({
      ...files,
      commit: present.auxiliary[role]?.commit,
    }));
    return [{ ...this.#definition, commit: present.main.commit }, ...auxiliary];
  }

  /**
   * Deletes the files, of every precision, but for those in `keep`; whoever asks for them meanwhile waits.
   * For files that are not being downloaded. @returns bytes deleted. @throws model_files_elsewhere
   */
  async delete(keep: readonly KeptFiles[]): Promise<number> {
    this.#deletion ??= this.#deleteAll(keep).finally(() => {
      this.#deletion = undefined;
    });
    try {
      return await this.#deletion;
    } catch (error) {
      // What could not be deleted may be all of it.
      await this.find();
      throw error;
    }
  }

  /** Stops a running download; what it has fetched stays for the next one, which `isPaused` says is to come. */
  async abort({ isPaused = false }: { isPaused?: boolean } = {}): Promise<void> {
    const running = this.#download;
    if (running === undefined && (this.#state !== 'absent' || this.#isPaused === isPaused)) return;
    this.#isPaused = isPaused && (running !== undefined || this.#isPaused);
    running?.controller.abort();
    await running?.promise.catch(() => {});
    // It may have come to its end all the same.
    if (this.#state === 'present') this.#isPaused = false;
    if (running === undefined) this.#onChange();
  }

  async #findOne(files: RepoFiles): Promise<Snapshot | undefined> {
    const snapshot = await this.#hub.find(files);
    if (snapshot === undefined) return undefined;
    const sizes = await Promise.all(files.files.map(async (file) => (await stat(join(snapshot.dir, file))).size));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    this.#progress.set(files.repo, { bytes, totalBytes: bytes });
    return snapshot;
  }

  /** Its own, with the files of every precision, and the auxiliary ones. */
  get #repositories(): RepoFiles[] {
    const { files, dtypes, auxiliary = {} } = this.#definition;
    const all = new Set([...files, ...Object.values(dtypes?.files ?? {}).flat()]);
    return [{ ...this.#definition, files: [...all] }, ...Object.values(auxiliary)];
  }

  async #deleteAll(keep: readonly KeptFiles[]): Promise<number> {
    this.#present = undefined;
    this.#failure = undefined;
    this.#progress = new Map();
    this.#isPaused = false;
    this.#setState('absent');
    let bytes = 0;
    for (const files of this.#repositories) bytes += await this.#hub.delete(files, keep);
    return bytes;
  }

  #beginDownload() {
    const controller = new AbortController();
    const promise = this.#fetchAll(controller.signal).finally(() => {
      this.#download = undefined;
    });
    // Callers may all have left by the time it fails; the state keeps the reason.
    promise.catch(() => {});
    return { promise, controller };
  }

  async #fetchAll(signal: AbortSignal): Promise<PresentFiles> {
    this.#progress = new Map();
    this.#failure = undefined;
    this.#isPaused = false;
    const meter = new DownloadMeter(performance.now());
    this.#meter = meter;
    this.#phase = 'listing';
    this.#setState('downloading');
    // A line that is silent makes no progress of its own.
    const ticking = setInterval(() => this.#onProgress(), TICK_MS);
    ticking.unref();
    const fetchOne = (files: RepoFiles) => {
      let fetched = 0;
      this.#phase = 'listing';
      return this.#hub.download(files, {
        signal,
        onProgress: (progress) => {
          const now = performance.now();
          meter.add(progress.fetchedBytes - fetched, now);
          fetched = progress.fetchedBytes;
          if (progress.phase === 'verifying') meter.touch(now);
          this.#phase = progress.phase;
          this.#progress.set(files.repo, { bytes: progress.bytes, totalBytes: progress.totalBytes });
          this.#onProgress();
          this.#onChange();
        },
      });
    };
    try {
      const main = await fetchOne(this.#definition);
      const auxiliary: Record<string, Snapshot> = {};
      for (const [role, files] of Object.entries(this.#definition.auxiliary ?? {})) {
        auxiliary[role] = await fetchOne(files);
      }
      return this.#setPresent({ main, auxiliary });
    } catch (error) {
      if (signal.aborted) {
        this.#setState('absent');
        throw new GatewayError('model_not_downloaded', { message: 'The download was cancelled.' });
      }
      this.#failure = toGatewayError(error);
      this.#setState('failed');
      throw this.#failure;
    } finally {
      clearInterval(ticking);
      this.#meter = undefined;
    }
  }

  #describeDownload() {
    if (this.#isPaused && this.#state === 'absent') return { ...AT_REST, phase: 'paused' as const };
    const meter = this.#meter;
    if (this.#state !== 'downloading' || meter === undefined) return null;
    if (this.#phase !== 'downloading') return { ...AT_REST, phase: this.#phase };
    const now = performance.now();
    const { bytes, totalBytes } = this.progress;
    const rate = meter.bytesPerSecond(now);
    const stalledSeconds = meter.stalledSeconds(now);
    const isStalled = stalledSeconds >= STALLED_SECONDS;
    return {
      phase: this.#phase,
      bytes_per_second: rate,
      eta_seconds: rate === null || rate === 0 || isStalled ? null : Math.ceil((totalBytes - bytes) / rate),
      stalled_seconds: isStalled ? stalledSeconds : 0,
    };
  }

  #setPresent(present: PresentFiles): PresentFiles {
    this.#present = present;
    this.#setState('present');
    return present;
  }

  #setState(state: FilesState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#onChange();
  }
}

function notDownloaded({ id, repo, files }: ModelDefinition): GatewayError {
  return new GatewayError('model_not_downloaded', {
    message: `The files of model '${id}' are not on this server and automatic downloads are off. An operator can set AUTO_DOWNLOAD_MODELS=true (with LAZY_LOAD_MODELS=true), or put these files of ${repo} into MODEL_CACHE_DIR with the Hugging Face CLI: ${files.join(' ')}`,
    param: 'model',
  });
}
