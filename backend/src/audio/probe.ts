/** What an uploaded file contains, by ffprobe. */
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { GatewayError } from '../errors.ts';
import {
  type FfmpegPrograms,
  ffprobeProgram,
  INPUT_LIMITS,
  inputFile,
  OPENED_DECODERS,
  PROBE_LIMITS,
  startTool,
  stoppedFromOutside,
  type ToolEnd,
} from './ffmpeg.ts';

export interface AudioInfo {
  /** ffmpeg's demuxer name, for example `wav` or `mov,mp4,m4a,3gp,3g2,mj2`. */
  format: string;
  /** ffmpeg's codec name of the first audio stream, for example `opus`. */
  codec: string;
  /** As the container states it (an estimate for mp3 and aac without an index); undefined when it does not. */
  durationSeconds: number | undefined;
  /** Hz. */
  sampleRate: number;
  channels: number;
}

export interface ProbeOptions extends FfmpegPrograms {
  signal: AbortSignal;
  /** Wall-clock limit. Default 60. */
  timeoutSeconds?: number | undefined;
}

const DEFAULT_TIMEOUT_SECONDS = 60;
/** Far above what the entries asked for need, even with a thousand streams. */
const MAX_OUTPUT_BYTES = 1024 * 1024;

const FIELDS = 'format=format_name,duration:stream=codec_type,codec_name,sample_rate,channels,duration';

const probeOutput = z.object({
  streams: z
    .array(
      z.object({
        codec_type: z.string().optional(),
        codec_name: z.string().optional(),
        sample_rate: z.coerce.number().optional(),
        channels: z.coerce.number().optional(),
        duration: z.coerce.number().optional(),
      }),
    )
    .default([]),
  format: z.object({ format_name: z.string(), duration: z.coerce.number().optional() }).optional(),
});
type ProbeOutput = z.infer<typeof probeOutput>;

/**
 * Reads the container's headers; the content decides, never the file's name.
 * @throws GatewayError (param `file`) `audio_too_short` for an empty file, `unsupported_audio` when there is no audio
 *   to read, saying what was found; `request_timeout`; `internal_error` when ffprobe cannot run. The signal's reason
 *   when aborted.
 */
export async function probeAudio(path: string, options: ProbeOptions): Promise<AudioInfo> {
  const head = await readHead(path);
  if (head.length === 0) {
    throw new GatewayError('audio_too_short', { message: 'The audio file is empty.', param: 'file' });
  }
  const { output, end } = await runFfprobe(path, options);
  if (end.code !== 0) throw unsupported(describeRefusal(head, end), end);
  const { streams, format } = parseOutput(output, end);
  const audio = streams.find((stream) => stream.codec_type === 'audio');
  if (audio === undefined || format === undefined) {
    throw unsupported(`The file contains no audio stream (found: ${describeStreams(streams)}).`, end);
  }
  if (!audio.codec_name || !audio.sample_rate || !audio.channels) {
    throw unsupported(`The file's audio (codec ${audio.codec_name ?? 'unknown'}) cannot be decoded.`, end);
  }
  return {
    format: format.format_name,
    codec: audio.codec_name,
    durationSeconds: audio.duration ?? format.duration,
    sampleRate: audio.sample_rate,
    channels: audio.channels,
  };
}

async function runFfprobe(path: string, options: ProbeOptions): Promise<{ output: string; end: ToolEnd }> {
  const program = ffprobeProgram(options);
  const timeoutSeconds = options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  const args = [...INPUT_LIMITS, ...PROBE_LIMITS, '-show_entries', FIELDS, '-of', 'json', inputFile(path)];
  const tool = startTool(program, args, AbortSignal.any([options.signal, timeout]));
  const pieces: Buffer[] = [];
  let bytes = 0;
  tool.stdout.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes <= MAX_OUTPUT_BYTES) pieces.push(piece);
    else tool.kill();
  });
  const end = await tool.ended;
  options.signal.throwIfAborted();
  if (timeout.aborted) {
    throw new GatewayError('request_timeout', {
      message: `The audio file could not be examined within ${timeoutSeconds} seconds.`,
      param: 'file',
      detail: end,
    });
  }
  if (bytes > MAX_OUTPUT_BYTES) throw unsupported('The file contains too many streams.', end);
  if (end.signal === 'SIGKILL') throw stoppedFromOutside(program, end);
  return { output: Buffer.concat(pieces).toString('utf8'), end };
}

function parseOutput(output: string, end: ToolEnd): ProbeOutput {
  try {
    return probeOutput.parse(JSON.parse(output));
  } catch (cause) {
    throw new GatewayError('internal_error', {
      message: 'The server could not examine the audio file. Report the request id.',
      cause,
      detail: end,
    });
  }
}

async function readHead(path: string): Promise<Buffer> {
  await using file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
  return buffer.subarray(0, bytesRead);
}

/** A sentence on a file that ffprobe gave up on, from what it said and the file's first bytes. */
function describeRefusal(head: Buffer, end: ToolEnd): string {
  const accepted = 'Send flac, m4a, mp3, mp4, mpeg, mpga, ogg, wav or webm.';
  // A video's codec stands there too: refused while looking into the stream, which is no failure.
  const refused = [...end.stderr.matchAll(/Codec \(([\w-]+)\) not on whitelist/g)].map(([, codec]) => codec ?? '');
  const refusedCodec = refused.find((codec) => !OPENED_DECODERS.includes(codec));
  if (refusedCodec !== undefined) return `The file's codec ${refusedCodec} is not accepted. ${accepted}`;
  if (/^\s*(#EXTM3U|ffconcat|<\?xml[\s\S]*<MPD|<MPD|v=0\s|\[playlist\])/i.test(head.toString('latin1'))) {
    return `The file is a playlist or a description of other files, not audio. ${accepted}`;
  }
  const isText = head.every((byte) => byte >= 32 || byte === 9 || byte === 10 || byte === 13);
  return isText
    ? `The file is text, not audio. ${accepted}`
    : `The file is not a recognised audio container, or it is damaged. ${accepted}`;
}

function describeStreams(streams: ProbeOutput['streams']): string {
  const found = streams.map((stream) => `${stream.codec_type ?? 'unknown'} ${stream.codec_name ?? ''}`.trim());
  return found.length === 0 ? 'nothing' : [...new Set(found)].slice(0, 5).join(', ');
}

function unsupported(message: string, detail: unknown): GatewayError {
  return new GatewayError('unsupported_audio', { message, param: 'file', detail });
}
