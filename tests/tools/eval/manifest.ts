import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { z } from 'zod';
import { parseRttm } from '../../../backend/src/text/rttm.ts';
import type { Turn } from '../../../backend/src/text/turn.ts';
import { UsageError } from '../command-line.ts';
import { parseStm } from './parse-stm.ts';
import { joinBySpeaker } from './transcribe-clip.ts';

export interface Clip {
  /** As the manifest names it. */
  name: string;
  /** Absolute path. */
  path: string;
  /** Sent to the gateway as it stands. */
  language: string | undefined;
  /** What is said; may be empty. Each of the four references is one measure; there is at least one. */
  text: string | undefined;
  /** Who speaks when. */
  turns: Turn[] | undefined;
  /** Who says what. */
  textBySpeaker: ReadonlyMap<string, string> | undefined;
  /** What the mixture is made of: stem → absolute path. */
  sources: ReadonlyMap<string, string> | undefined;
  /** What a diarizing model is told: `num_speakers`, `min_speakers`, `max_speakers`. */
  speakerCounts: Record<string, number>;
}

const REFERENCES = ['text', 'rttm', 'stm', 'text_by_speaker', 'sources'] as const;

const speakerCount = z.int().positive().optional();
const line = z
  .object({
    audio: z.string().min(1).optional(),
    mixture: z.string().min(1).optional(),
    sources: z
      .record(z.string(), z.string().min(1))
      .refine((sources) => Object.keys(sources).length > 0, 'names no source')
      .optional(),
    language: z.string().min(1).optional(),
    text: z.string().optional(),
    rttm: z.string().min(1).optional(),
    stm: z.string().min(1).optional(),
    text_by_speaker: z.record(z.string(), z.string()).optional(),
    num_speakers: speakerCount,
    min_speakers: speakerCount,
    max_speakers: speakerCount,
  })
  .refine(({ audio, mixture }) => (audio === undefined) !== (mixture === undefined), {
    path: ['audio'],
    message: 'either audio or mixture is needed',
  })
  .refine(({ mixture, sources }) => (mixture === undefined) === (sources === undefined), {
    path: ['sources'],
    message: 'mixture and sources go together',
  })
  .refine((line) => REFERENCES.some((name) => line[name] !== undefined), {
    path: ['text'],
    message: `one of ${REFERENCES.join(', ')} is needed`,
  })
  .refine(({ stm, text_by_speaker }) => stm === undefined || text_by_speaker === undefined, {
    path: ['stm'],
    message: 'says the same as text_by_speaker',
  });

/**
 * Reads a JSON Lines file, one clip per line, with the references it names. Paths are relative to the manifest's own folder;
 * empty lines are skipped.
 * @throws UsageError naming the file and the line at fault.
 */
export async function readManifest(path: string, limit = Number.POSITIVE_INFINITY): Promise<Clip[]> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new UsageError(`The manifest cannot be read: ${error.message}`);
  });
  const clips: Clip[] = [];
  for (const [index, source] of text.split('\n').entries()) {
    if (source.trim() === '' || clips.length >= limit) continue;
    clips.push(await parseLine(source, dirname(path), `${path} line ${index + 1}`));
  }
  if (clips.length === 0) throw new UsageError(`${path} names no clips`);
  return clips;
}

async function parseLine(source: string, folder: string, place: string): Promise<Clip> {
  const parsed = line.safeParse(parseJson(source, place));
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the line'}: ${issue.message}`);
    throw new UsageError(
      `${place}: ${issues.join('; ')}. Expected {"audio": "clip.wav", "text": "…", "language": "en"}`,
    );
  }
  const { audio, mixture, language, text, rttm, stm, text_by_speaker: texts, ...rest } = parsed.data;
  const { sources, ...speakerCounts } = rest;
  const name = audio ?? mixture ?? '';
  const path = await audioFile(folder, name, place);
  const parts = Object.entries(sources ?? {}).map(
    async ([stem, file]) => [stem, await audioFile(folder, file, place)] as const,
  );
  const read = async <T extends { file: string }>(file: string | undefined, parse: (text: string) => T[]) =>
    file === undefined ? undefined : ofRecording(await readReference(resolve(folder, file), parse, place), path, place);
  const utterances = await read(stm, parseStm);
  const written = texts === undefined ? undefined : new Map(Object.entries(texts));
  return {
    name,
    path,
    language,
    text,
    turns: await read(rttm, parseRttm),
    textBySpeaker: utterances === undefined ? written : joinBySpeaker(utterances),
    sources: sources === undefined ? undefined : new Map(await Promise.all(parts)),
    speakerCounts: Object.fromEntries(
      Object.entries(speakerCounts).flatMap(([name, count]) => (count === undefined ? [] : [[name, count]])),
    ),
  };
}

/** @throws UsageError where there is none. */
async function audioFile(folder: string, name: string, place: string): Promise<string> {
  const path = resolve(folder, name);
  const isFile = await stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
  if (!isFile) throw new UsageError(`${place}: there is no audio file ${path}`);
  return path;
}

async function readReference<T>(path: string, parse: (text: string) => T[], place: string): Promise<T[]> {
  try {
    return parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`${place}: ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Of a file about several recordings, the lines about the one whose file name they bear. */
function ofRecording<T extends { file: string }>(lines: readonly T[], audio: string, place: string): T[] {
  const recordings = new Set(lines.map(({ file }) => file));
  if (recordings.size <= 1) return [...lines];
  const name = basename(audio, extname(audio));
  if (!recordings.has(name))
    throw new UsageError(`${place}: the reference is about several recordings, none '${name}'`);
  return lines.filter(({ file }) => file === name);
}

function parseJson(source: string, place: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new UsageError(`${place}: not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
}
