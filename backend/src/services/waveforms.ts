/** The outlines of a job's audio: made once by streaming the file through ffmpeg, kept beside the job, read in any detail. */
import { Readable } from 'node:stream';
import { decodeAudio } from '../audio/decode.ts';
import type { FfmpegPrograms } from '../audio/ffmpeg.ts';
import { joinPeaks, POINT_BYTES, tracePeaks } from '../audio/peaks.ts';
import { SAMPLE_RATE } from '../audio/sample-rate.ts';
import { MAX_PEAK_POINTS, MAX_POINTS_PER_SECOND, type WaveformPeaks } from '../contract/peaks.ts';
import { GatewayError } from '../errors.ts';
import type { ArtifactStore } from '../jobs/artifacts.ts';
import { inputFile } from '../jobs/input-file.ts';
import { publicJobId } from '../jobs/job-id.ts';
import type { JobRow, JobService } from '../jobs/job-service.ts';
import type { RunInput } from '../models/define-model.ts';
import { Slots } from '../registry/slots.ts';

export interface WaveformOptions {
  jobs: Pick<JobService, 'artifact' | 'findOutline' | 'keepOutline'>;
  artifacts: ArtifactStore;
  limits: RunInput['limits'];
  tools: FfmpegPrograms;
  /** Files that are read at a time; each takes a core. */
  maxAtOnce: number;
}

export interface WaveformWish {
  /** `input`, or an artifact's name. */
  source: string;
  pointsPerSecond: number;
  /** Seconds. */
  start: number;
  end: number | undefined;
}

interface Outline {
  key: string;
  bytes: number;
}

const STRIDE = SAMPLE_RATE / MAX_POINTS_PER_SECOND;

export class Waveforms {
  readonly #options: WaveformOptions;
  readonly #slots: Slots;
  readonly #making = new Map<string, Promise<Outline>>();
  readonly #stopping = new AbortController();

  constructor(options: WaveformOptions) {
    this.#options = options;
    this.#slots = new Slots(options.maxAtOnce);
  }

  /** @throws artifact_not_found, input_deleted, invalid_value for what is no audio; what decoding throws. */
  async read(job: JobRow, { source, pointsPerSecond, start, end }: WaveformWish): Promise<WaveformPeaks> {
    const { key, bytes } = await this.#outline(job, source);
    const points = bytes / POINT_BYTES;
    const first = Math.min(points, Math.floor(start * MAX_POINTS_PER_SECOND));
    const last = Math.max(first, Math.min(points, Math.ceil((end ?? Infinity) * MAX_POINTS_PER_SECOND)));
    const wanted = Math.max(1, Math.round(MAX_POINTS_PER_SECOND / pointsPerSecond));
    const joined = Math.max(wanted, Math.ceil((last - first) / MAX_PEAK_POINTS));
    const range = { start: first * POINT_BYTES, end: last * POINT_BYTES - 1 };
    const data = last === first ? [] : await joinPeaks(await this.#options.artifacts.get(key, range), joined);
    return {
      version: 2,
      channels: 1,
      sample_rate: SAMPLE_RATE,
      samples_per_pixel: STRIDE * joined,
      bits: 8,
      length: data.length / 2,
      data,
      points_per_second: MAX_POINTS_PER_SECOND / joined,
      start: first / MAX_POINTS_PER_SECOND,
      duration: points / MAX_POINTS_PER_SECOND,
    };
  }

  /** Resolves when nothing is being read any more. */
  async close(): Promise<void> {
    this.#stopping.abort(new GatewayError('shutting_down', { message: 'The server is shutting down.' }));
    await Promise.allSettled(this.#making.values());
  }

  async #outline(job: JobRow, source: string): Promise<Outline> {
    const kept = await this.#options.jobs.findOutline(job, source);
    if (kept !== undefined) return kept;
    const key = `${job.id}/${source}`;
    let making = this.#making.get(key);
    if (making === undefined) {
      // Goes on when its first caller leaves: others may wait for it, and the next one finds it.
      making = this.#make(job, source).finally(() => this.#making.delete(key));
      this.#making.set(key, making);
    }
    return making;
  }

  async #make(job: JobRow, source: string): Promise<Outline> {
    const { jobs, artifacts, limits, tools } = this.#options;
    const { signal } = this.#stopping;
    const file =
      source === 'input'
        ? await inputFile(artifacts, job)
        : await jobs.artifact(job.owner, publicJobId(job.id), source);
    if (source !== 'input' && !file.content_type.startsWith('audio/')) throw notAudio(source);
    const path = await artifacts.localPath(file.key);
    const free = await this.#slots.acquire(1, signal);
    try {
      const outline = tracePeaks(decodeAudio(path, { ...limits, ...tools, signal }), STRIDE);
      return await jobs.keepOutline(job, source, Readable.from(outline, { objectMode: false }));
    } finally {
      free();
    }
  }
}

function notAudio(source: string): GatewayError {
  return new GatewayError('invalid_value', {
    message: `Invalid value for 'source': the artifact '${source}' is not audio.`,
    param: 'source',
  });
}
