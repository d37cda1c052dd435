/** Starts ffmpeg and ffprobe on an uploaded file: the limits both get, one child's life, and what its end means. */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { GatewayError } from '../errors.ts';

/** Where the programs are: a name looked up in PATH, or a path. */
export interface FfmpegPrograms {
  /** Default `ffmpeg`. */
  ffmpegPath?: string | undefined;
  /** Default: beside `ffmpegPath` when that is a path, else `ffprobe`. */
  ffprobePath?: string | undefined;
}

export function ffmpegProgram({ ffmpegPath }: FfmpegPrograms): string {
  return ffmpegPath ?? 'ffmpeg';
}

export function ffprobeProgram({ ffmpegPath, ffprobePath }: FfmpegPrograms): string {
  if (ffprobePath !== undefined) return ffprobePath;
  return ffmpegPath?.includes('/') ? join(dirname(ffmpegPath), 'ffprobe') : 'ffprobe';
}

/**
 * Containers read, by ffmpeg's demuxer names; one name of `mov,mp4,m4a,3gp,3g2,mj2` allows that demuxer, and so on
 * (`av_match_list`). ffmpeg tells formats apart by content and refuses the others before their demuxer runs:
 * hls, concat, dash, sdp and the like would open other files of this machine.
 */
const DEMUXERS = ['wav', 'mp3', 'mov', 'matroska', 'webm', 'ogg', 'flac', 'aac'];

/** Decoders run; a video stream beside the audio is never decoded, whatever its codec. Names unknown to a build are harmless. */
const DECODERS = [
  ...['aac', 'aac_fixed', 'mp1', 'mp1float', 'mp2', 'mp2float', 'mp3', 'mp3float', 'ac3', 'ac3_fixed', 'eac3'],
  ...['opus', 'libopus', 'vorbis', 'libvorbis', 'speex', 'libspeex', 'flac', 'alac', 'amrnb', 'amrwb'],
  ...['gsm', 'gsm_ms', 'adpcm_ms', 'adpcm_ima_wav', 'adpcm_ima_qt', 'adpcm_g722', 'pcm_alaw', 'pcm_mulaw'],
  ...['pcm_u8', 'pcm_s8', 'pcm_s16le', 'pcm_s16be', 'pcm_s24le', 'pcm_s24be', 'pcm_s32le', 'pcm_s32be'],
  ...['pcm_f32le', 'pcm_f32be', 'pcm_f64le', 'pcm_f64be'],
];

/**
 * Decoders ffprobe may open (it opens one per stream, and gives up where it must not) but never feeds a frame, since
 * the list above still governs its look into the streams.
 */
export const OPENED_DECODERS: readonly string[] = [
  ...['h264', 'hevc', 'vp8', 'libvpx', 'vp9', 'libvpx-vp9', 'av1', 'libdav1d', 'libaom-av1', 'mpeg4', 'mpeg2video'],
  ...['mpeg1video', 'h263', 'theora', 'mjpeg', 'png', 'bmp', 'gif', 'webp', 'prores', 'dvvideo', 'qtrle', 'svq3'],
  ...['mov_text', 'subrip', 'srt', 'ass', 'ssa', 'webvtt', 'dvdsub', 'pgssub', 'text'],
];

/** Largest single allocation of a child, in bytes: the sample index of a day of AAC needs about 100 MB. */
const MAX_ALLOCATION_BYTES = 256 * 1024 * 1024;

/** Options for both programs, before the input. External references of mov files stay off (`enable_drefs` is 0 by default). */
export const INPUT_LIMITS: readonly string[] = [
  ...['-hide_banner', '-v', 'error', '-max_alloc', String(MAX_ALLOCATION_BYTES), '-threads', '1'],
  ...['-protocol_whitelist', 'file', '-format_whitelist', DEMUXERS.join(','), '-codec_whitelist', DECODERS.join(',')],
];

/** Options for ffprobe beside `INPUT_LIMITS`. */
export const PROBE_LIMITS: readonly string[] = [
  ...['-codec_whitelist:v', OPENED_DECODERS.join(','), '-codec_whitelist:s', OPENED_DECODERS.join(',')],
];

/** A path as an input argument: the prefix keeps `-x`, `a:b` and `pipe:` file names instead of options and protocols. */
export function inputFile(path: string): string {
  return `file:${path}`;
}

const STDERR_TAIL_BYTES = 4096;

export interface ToolEnd {
  /** Exit code; null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last 4 KiB it wrote to stderr. For the log: it names paths. */
  stderr: string;
}

export interface Tool {
  /** Where it was asked for. Writing to a process that is gone does nothing. */
  stdin: Writable | undefined;
  stdout: Readable;
  /** Resolves when the process is gone and its output closed; rejects with `internal_error` if it could not start. */
  ended: Promise<ToolEnd>;
  /** SIGKILL; harmless when it has ended. */
  kill(): void;
}

/** Starts a program, without stdin unless it is asked for; aborting the signal kills it. */
export function startTool(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  stdin: 'ignore' | 'pipe' = 'ignore',
): Tool {
  signal.throwIfAborted();
  const child = spawn(program, args, { stdio: [stdin, 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
  child.stdin?.on('error', () => {}); // EPIPE: its end says why
  let tail = Buffer.alloc(0);
  const ended = new Promise<ToolEnd>((resolve, reject) => {
    child.on('error', (error) => {
      // After an abort the process exists and its close event follows; without a pid there will be none to wait for.
      if (child.pid === undefined) reject(cannotStart(program, error));
    });
    child.on('close', (code, endSignal) => resolve({ code, signal: endSignal, stderr: tail.toString('utf8') }));
  });
  ended.catch(() => {}); // whoever awaits it sees the error; a consumer that left early must not crash the process
  // Out of file descriptors, Node makes no streams at all, whatever the types say.
  child.stderr?.on('data', (bytes: Buffer) => {
    tail = Buffer.concat([tail, bytes]).subarray(-STDERR_TAIL_BYTES);
  });
  return {
    stdin: child.stdin ?? undefined,
    stdout: child.stdout ?? Readable.from([]),
    ended,
    kill: () => void child.kill('SIGKILL'),
  };
}

/** The end of a program nobody here stopped: a shutdown's signal reached it (ffmpeg then exits 255), or the memory killer. */
export function wasStoppedFromOutside(end: ToolEnd): boolean {
  return end.code === 255 || end.signal === 'SIGKILL' || end.signal === 'SIGTERM' || end.signal === 'SIGINT';
}

export function stoppedFromOutside(program: string, end: ToolEnd): GatewayError {
  return new GatewayError('internal_error', {
    message: 'The server was interrupted while reading the audio. Retry the request.',
    detail: { program, ...end },
  });
}

function cannotStart(program: string, cause: NodeJS.ErrnoException): GatewayError {
  return new GatewayError('internal_error', {
    message: 'The server cannot decode audio at the moment. Report the request id.',
    cause,
    detail:
      cause.code === 'ENOENT'
        ? `'${program}' was not found: install ffmpeg (apt-get install ffmpeg) or configure the program's path`
        : `'${program}' could not be started (${cause.code ?? cause.message})`,
  });
}

const VERSION_TIMEOUT_MS = 10_000;

/**
 * Starts both programs once, for readiness checks. Returns ffmpeg's version as it names itself, for example `5.1.9-0+deb12u1`.
 * @throws GatewayError `internal_error` when either cannot be started or is something else; `detail` names the fix.
 */
export async function ffmpegVersion(programs: FfmpegPrograms = {}): Promise<string> {
  const [version] = await Promise.all([versionOf(ffmpegProgram(programs)), versionOf(ffprobeProgram(programs))]);
  return version;
}

async function versionOf(program: string): Promise<string> {
  const tool = startTool(program, ['-version'], AbortSignal.timeout(VERSION_TIMEOUT_MS));
  let output = '';
  tool.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output.length < 4096) output += text;
  });
  const end = await tool.ended;
  const version = /^ff\w+ version (\S+)/.exec(output)?.[1];
  if (version === undefined) {
    throw new GatewayError('internal_error', {
      message: 'The server cannot decode audio at the moment. Report the request id.',
      detail: { problem: `'${program}' did not tell its version within 10 s; is it ffmpeg?`, ...end },
    });
  }
  return version;
}
