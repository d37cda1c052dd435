/** An uploaded file → 16 kHz mono samples, as a stream, by the ffmpeg command line. */
import { GatewayError } from '../errors.ts';
import { Chunker } from './chunker.ts';
import {
  type FfmpegPrograms,
  ffmpegProgram,
  INPUT_LIMITS,
  inputFile,
  startTool,
  stoppedFromOutside,
  type ToolEnd,
  wasStoppedFromOutside,
} from './ffmpeg.ts';
import { LengthGuard } from './length-guard.ts';
import { probeAudio } from './probe.ts';
import { SAMPLE_RATE } from './sample-rate.ts';
import { StallTimer } from './stall-timer.ts';

export interface DecodeOptions extends FfmpegPrograms {
  /** Kills ffmpeg; the iterator then throws the signal's reason. */
  signal: AbortSignal;
  /** Audio longer than this is refused, at the latest when the sample past it is decoded. */
  maxSeconds: number;
  /**
   * Bytes of decoded 16 kHz mono f32 (64 000 per second). What ffmpeg decodes before mixing and resampling may be 24
   * times that, which is 48 kHz in 8 channels.
   */
  maxDecodedBytes: number;
  /**
   * Longest wait for the next samples, in seconds, and all waits together may exceed the audio decoded by no more
   * than this: an hour-long file is fine, one slower than real time is not. Time the caller takes does not count. Default 60.
   */
  idleTimeoutSeconds?: number | undefined;
}

/** The shortest audio the API accepts: 0.1 s. */
const MIN_SAMPLES = SAMPLE_RATE / 10;
/** Samples per chunk handed out: 1 s. Only the last chunk of a file may be shorter. */
const CHUNK_SAMPLES = SAMPLE_RATE;
const DEFAULT_IDLE_TIMEOUT_SECONDS = 60;

/** Writes of 32 KiB rather than one per packet (4 KiB) take a third off an hour's decode. */
const OUTPUT = [
  ...['-vn', '-sn', '-dn', '-map', '0:a:0', '-ac', '1', '-ar', String(SAMPLE_RATE)],
  ...['-filter_threads', '1', '-threads', '1', '-flush_packets', '0', '-f', 'f32le', 'pipe:1'],
];

/**
 * Decodes the file's first audio stream into chunks of 1 s (the last one shorter), samples clamped to ±1 as 16-bit
 * decoding would. Reads no faster than the caller takes them. Leaving the loop kills ffmpeg before it returns.
 * A file that breaks off or is damaged after its first 0.1 s yields what could be decoded.
 *
 * @throws GatewayError (param `file`): `audio_too_short` under 0.1 s; `unsupported_audio` when nothing can be decoded,
 *   saying what was found; `audio_too_long` beyond `maxSeconds` or `maxDecodedBytes`, possibly after many chunks.
 *   `request_timeout` when ffmpeg stalls, `internal_error` when it cannot run. The signal's reason when aborted.
 */
export async function* decodeAudio(path: string, options: DecodeOptions): AsyncGenerator<Float32Array, void, void> {
  const program = ffmpegProgram(options);
  const args = ['-nostdin', ...INPUT_LIMITS, '-i', inputFile(path), ...OUTPUT];
  const ffmpeg = startTool(program, args, options.signal);
  const stall = new StallTimer(options.idleTimeoutSeconds ?? DEFAULT_IDLE_TIMEOUT_SECONDS, ffmpeg.kill);
  const guard = new LengthGuard(path, options);
  const chunker = new Chunker(CHUNK_SAMPLES);
  try {
    const reader = ffmpeg.stdout.iterator();
    for (;;) {
      const next: IteratorResult<Buffer> = await stall.during(reader.next(), chunker.samples / SAMPLE_RATE);
      if (next.done === true) break;
      guard.add(next.value.length / 4);
      yield* chunker.push(next.value);
    }
    const end = await stall.during(ffmpeg.ended, chunker.samples / SAMPLE_RATE);
    options.signal.throwIfAborted();
    if (stall.expired) throw stalled(end);
    if (wasStoppedFromOutside(end)) throw stoppedFromOutside(program, end);
    if (chunker.samples < MIN_SAMPLES) throw await explain(path, chunker.samples, end, options);
    yield* chunker.rest();
  } finally {
    ffmpeg.kill();
    ffmpeg.stdout.destroy(); // unread output would keep `ended` from resolving
    await Promise.allSettled([ffmpeg.ended, guard.close()]);
  }
}

/** Why so little came out: only now is ffprobe worth its 60 ms. */
async function explain(path: string, samples: number, end: ToolEnd, options: DecodeOptions): Promise<GatewayError> {
  const info = await probeAudio(path, options);
  const nothingDecodable =
    samples === 0 && (end.code !== 0 || (info.durationSeconds ?? 0) * SAMPLE_RATE >= MIN_SAMPLES);
  if (nothingDecodable) {
    const message = `The file's audio (codec ${info.codec}) cannot be decoded; it may be damaged.`;
    return new GatewayError('unsupported_audio', { message, param: 'file', detail: end });
  }
  return new GatewayError('audio_too_short', {
    message: 'Audio file is too short. Minimum audio length is 0.1 seconds.',
    param: 'file',
    detail: end,
  });
}

function stalled(end: ToolEnd): GatewayError {
  return new GatewayError('request_timeout', {
    message: 'Decoding the audio file took too long. Convert it to wav, flac or mp3 and try again.',
    param: 'file',
    detail: end,
  });
}
