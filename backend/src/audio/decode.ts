/** An uploaded file → samples of one rate, as a stream, by the ffmpeg command line. */
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
import { checkSeconds, LengthGuard } from './length-guard.ts';
import { readPcmFile } from './pcm-file.ts';
import { probeAudio } from './probe.ts';
import { SAMPLE_RATE } from './sample-rate.ts';
import { StallTimer } from './stall-timer.ts';
import { isPlainMono, readWavHeader } from './wav-header.ts';

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

/** What samples are wanted. */
export interface PcmForm {
  /** Hz */
  rate: number;
  /** Interleaved. A stereo file is mixed down for one; ffmpeg takes 3 dB off a mono file for two. */
  channels: 1 | 2;
  /** Samples are clamped to ± this. */
  peak: number;
}

const SPEECH: PcmForm = { rate: SAMPLE_RATE, channels: 1, peak: 1 };
/** The shortest audio the API accepts. */
const MIN_SECONDS = 0.1;
const DEFAULT_IDLE_TIMEOUT_SECONDS = 60;

/** Writes of 32 KiB rather than one per packet (4 KiB) take a third off an hour's decode. */
function outputOf({ rate, channels }: PcmForm): string[] {
  return [
    ...['-vn', '-sn', '-dn', '-map', '0:a:0', '-ac', String(channels), '-ar', String(rate)],
    ...['-filter_threads', '1', '-threads', '1', '-flush_packets', '0', '-f', 'f32le', 'pipe:1'],
  ];
}

/**
 * Decodes the file's first audio stream to 16 kHz mono in chunks of 1 s (the last one shorter), samples clamped to ±1 as
 * 16-bit decoding would. Reads no faster than the caller takes them. Leaving the loop kills ffmpeg before it returns.
 * A file that breaks off or is damaged after its first 0.1 s yields what could be decoded. One that is such samples already
 * (a wav of 16 bits) is read without ffmpeg, whose start takes longer than hearing a few seconds.
 *
 * @throws GatewayError (param `file`): `audio_too_short` under 0.1 s; `unsupported_audio` when nothing can be decoded,
 *   saying what was found; `audio_too_long` beyond `maxSeconds` or `maxDecodedBytes`, possibly after many chunks.
 *   `request_timeout` when ffmpeg stalls, `internal_error` when it cannot run. The signal's reason when aborted.
 */
export async function* decodeAudio(path: string, options: DecodeOptions): AsyncGenerator<Float32Array, void, void> {
  options.signal.throwIfAborted();
  // What cannot be read, and what is short or odd, is for ffmpeg to refuse.
  const wav = await readWavHeader(path).catch(() => undefined);
  const seconds = wav === undefined ? 0 : wav.data.bytes / wav.bytesPerSecond;
  if (wav === undefined || !isPlainMono(wav, SAMPLE_RATE) || seconds < MIN_SECONDS) {
    yield* decodePcm(path, SPEECH, options);
    return;
  }
  checkSeconds(seconds, options, `The audio is ${seconds.toFixed(1)} seconds long`);
  for await (const chunk of readPcmFile(path, 0, wav.data)) {
    yield chunk;
    options.signal.throwIfAborted();
  }
}

/** As `decodeAudio`, in another form; chunks are of 1 s, their channels interleaved. */
export async function* decodePcm(
  path: string,
  form: PcmForm,
  options: DecodeOptions,
): AsyncGenerator<Float32Array, void, void> {
  const program = ffmpegProgram(options);
  const args = ['-nostdin', ...INPUT_LIMITS, '-i', inputFile(path), ...outputOf(form)];
  const ffmpeg = startTool(program, args, options.signal);
  const stall = new StallTimer(options.idleTimeoutSeconds ?? DEFAULT_IDLE_TIMEOUT_SECONDS, ffmpeg.kill);
  const guard = new LengthGuard(path, options, form.rate);
  const chunker = new Chunker(form.rate * form.channels, form.peak);
  const seconds = () => chunker.samples / (form.rate * form.channels);
  try {
    const reader = ffmpeg.stdout.iterator();
    for (;;) {
      const next: IteratorResult<Buffer> = await stall.during(reader.next(), seconds());
      if (next.done === true) break;
      guard.add(next.value.length / (4 * form.channels));
      yield* chunker.push(next.value);
    }
    const end = await stall.during(ffmpeg.ended, seconds());
    options.signal.throwIfAborted();
    if (stall.expired) throw stalled(end);
    if (wasStoppedFromOutside(end)) throw stoppedFromOutside(program, end);
    if (seconds() < MIN_SECONDS) throw await explain(path, seconds(), end, options);
    yield* chunker.rest();
  } finally {
    ffmpeg.kill();
    ffmpeg.stdout.destroy(); // unread output would keep `ended` from resolving
    await Promise.allSettled([ffmpeg.ended, guard.close()]);
  }
}

/** Why so little came out: only now is ffprobe worth its 60 ms. */
async function explain(path: string, seconds: number, end: ToolEnd, options: DecodeOptions): Promise<GatewayError> {
  const info = await probeAudio(path, options);
  const nothingDecodable = seconds === 0 && (end.code !== 0 || (info.durationSeconds ?? 0) >= MIN_SECONDS);
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
