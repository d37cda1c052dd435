import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../command-line.ts';

export interface Clip {
  /** As the manifest names it. */
  name: string;
  /** Absolute path. */
  path: string;
  /** What is said; may be empty. */
  text: string;
  /** Sent to the gateway as it stands. */
  language: string | undefined;
}

const line = z.object({ audio: z.string().min(1), text: z.string(), language: z.string().min(1).optional() });

/**
 * Reads a JSON Lines file, one clip per line, `audio` relative to the manifest's own folder; empty lines are skipped.
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
  const { audio, text, language } = parsed.data;
  const path = resolve(folder, audio);
  const isFile = await stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
  if (!isFile) throw new UsageError(`${place}: there is no audio file ${path}`);
  return { name: audio, path, text, language };
}

function parseJson(source: string, place: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new UsageError(`${place}: not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
}
