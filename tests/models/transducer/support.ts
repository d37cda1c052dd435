/** What the transducer's tests and its benchmark share: the clips, the model from the reference material, WER. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OpenedSession } from '../../../backend/src/audio/session.ts';
import transducer, { type TransducerSettings, VAD_FILE } from '../../../backend/src/models/transducer/definition.ts';
import { type LoadedTransducer, loadTransducer } from '../../../backend/src/models/transducer/load-transducer.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';

// Not support/shared.ts's: that one imports vitest, which the benchmark runs without.
const SHARED = resolve(fileURLToPath(new URL('../../../../shared', import.meta.url)));
export const SPEECH = join(SHARED, 'audio/speech');

/** The catalog's smallest model, whose weights lie in the reference material. */
export function smallModel(): { snapshot: string; settings: TransducerSettings } {
  const model = transducer.models.find(({ id }) => id === 'zipformer-gigaspeech-3.3m');
  if (model === undefined) throw new Error('zipformer-gigaspeech-3.3m is not in the catalog');
  return { snapshot: join(SHARED, 'hub', model.repo), settings: model.settings as TransducerSettings };
}

export type OpenSession = (path: string) => Promise<OpenedSession>;

export const openOnOneThread: OpenSession = (path) => openSession(path, { threads: 1, device: 'cpu' });

/** `encoder` replaces the file of the reference material. */
export function loadSmallModel(
  derivedFolder: string,
  { encoder, open = openOnOneThread }: { encoder?: string; open?: OpenSession } = {},
): Promise<LoadedTransducer> {
  const { snapshot, settings } = smallModel();
  return loadTransducer(
    {
      file: (name) => (name === settings.encoder && encoder !== undefined ? encoder : join(snapshot, name)),
      derivedFolder: async () => derivedFolder,
      openSession: (graph) => open(String(graph)),
    },
    settings,
  );
}

export function openVad(open: OpenSession = openOnOneThread): Promise<OpenedSession> {
  return open(join(SHARED, 'hub/onnx-community/silero-vad', VAD_FILE));
}

export interface Clip {
  audio: string;
  text: string;
}

export function manifest(): Clip[] {
  const lines = readFileSync(join(SPEECH, 'manifest.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Clip);
}

/** Samples in [−1, 1] of a mono 16-bit PCM file at 16 kHz. */
export function readWav(path: string): Float32Array {
  const file = readFileSync(path);
  for (let at = 12; at + 8 <= file.length; ) {
    const id = file.toString('latin1', at, at + 4);
    const size = Math.min(file.readUInt32LE(at + 4), file.length - at - 8);
    if (id === 'fmt ' && (file.readUInt16LE(at + 10) !== 1 || file.readUInt32LE(at + 12) !== 16_000)) {
      throw new Error(`${path} is not 16 kHz mono`);
    }
    if (id === 'data') {
      return Float32Array.from({ length: size >> 1 }, (_, i) => file.readInt16LE(at + 8 + 2 * i) / 32_768);
    }
    at += 8 + size + (size & 1);
  }
  throw new Error(`${path} holds no samples`);
}

/** Upper case, punctuation stripped. */
export function normalizedWords(text: string): string[] {
  return text
    .toUpperCase()
    .replace(/[^\p{L}\p{N}' ]/gu, ' ')
    .split(/\s+/)
    .filter((word) => word !== '');
}

/** Substitutions, insertions and deletions of the best alignment. */
export function wordErrors(reference: readonly string[], hypothesis: readonly string[]): number {
  let previous = Array.from({ length: hypothesis.length + 1 }, (_, j) => j);
  for (const [i, word] of reference.entries()) {
    const current = [i + 1];
    for (let j = 1; j <= hypothesis.length; j += 1) {
      const substituted = (previous[j - 1] ?? 0) + (word === hypothesis[j - 1] ? 0 : 1);
      current.push(Math.min(substituted, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[hypothesis.length] ?? 0;
}
