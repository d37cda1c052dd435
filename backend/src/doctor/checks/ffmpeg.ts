/** ffmpeg and ffprobe, and whether this build can read what people send. */
import type { DoctorFinding } from '../../contract/doctor.ts';
import { type Check, fail, ok, reasonOf, warn } from '../check.ts';
import { runProgram } from '../run-program.ts';

export interface FfmpegCheckOptions {
  ffmpegPath: string;
  ffprobePath: string;
  environment: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 15_000;
/** What OpenAI's clients may send: formats by any of these decoders, and containers by ffmpeg's names. */
const DECODERS: Readonly<Record<string, readonly string[]>> = {
  wav: ['pcm_s16le'],
  mp3: ['mp3float', 'mp3'],
  'm4a (AAC)': ['aac'],
  flac: ['flac'],
  'ogg (Opus)': ['opus', 'libopus'],
  'ogg (Vorbis)': ['vorbis', 'libvorbis'],
};
const DEMUXERS = ['wav', 'mp3', 'mov', 'matroska', 'ogg', 'flac', 'aac'];

export function ffmpegChecks(options: FfmpegCheckOptions): Check[] {
  return [
    { id: 'ffmpeg', timeoutMs: TIMEOUT_MS, run: (signal) => examineFfmpeg(options, signal) },
    {
      id: 'ffprobe',
      timeoutMs: TIMEOUT_MS,
      run: async (signal) => [
        (await examineVersion('ffprobe', options.ffprobePath, 'FFPROBE_PATH', options, signal)).finding,
      ],
    },
  ];
}

async function examineFfmpeg(options: FfmpegCheckOptions, signal: AbortSignal): Promise<DoctorFinding[]> {
  const { ffmpegPath, environment } = options;
  const { works, finding } = await examineVersion('ffmpeg', ffmpegPath, 'FFMPEG_PATH', options, signal);
  if (!works) return [finding];
  const list = async (what: string) => {
    const { stdout } = await runProgram(ffmpegPath, ['-hide_banner', what], { environment, signal });
    // ` A....D mp3float   MP3 …`, ` D  mov,mp4,m4a   QuickTime …`
    return new Set([...stdout.matchAll(/^ \S+ +(\S+)/gm)].flatMap(([, names = '']) => names.split(',')));
  };
  const [decoders, demuxers] = await Promise.all([list('-decoders'), list('-demuxers')]);
  const missing = [
    ...Object.entries(DECODERS).flatMap(([format, names]) =>
      names.some((name) => decoders.has(name)) ? [] : [format],
    ),
    ...DEMUXERS.filter((name) => !demuxers.has(name)).map((name) => `${name} containers`),
  ];
  if (missing.length === 0) return [finding];
  return [
    finding,
    warn('ffmpeg.formats', {
      summary: `This build of ffmpeg cannot read ${missing.join(', ')}.`,
      fix: "Install the distribution's full ffmpeg, or set FFMPEG_PATH to one.",
    }),
  ];
}

async function examineVersion(
  id: string,
  program: string,
  variable: string,
  { environment }: FfmpegCheckOptions,
  signal: AbortSignal,
): Promise<{ works: boolean; finding: DoctorFinding }> {
  const fix = `Install ffmpeg (apt-get install ffmpeg), or set ${variable} to where ${id} is.`;
  try {
    const { code, stdout, stderr } = await runProgram(program, ['-version'], { environment, signal });
    const version = /^ff\w+ version (\S+)/.exec(stdout)?.[1];
    if (version !== undefined) return { works: true, finding: ok(id, `${id} ${version}`) };
    const summary = `${program} is something else, or broken (code ${code})`;
    return { works: false, finding: fail(id, { summary, fix, detail: stderr.trim().slice(0, 2_000) }) };
  } catch (error) {
    if (signal.aborted) throw error;
    return { works: false, finding: fail(id, { summary: reasonOf(error), fix }) };
  }
}
