/**
 * What transformers.js writes for the reference's cases, on the same tiny models. Imports no runtime of ours: two
 * versions of ONNX Runtime cannot be loaded into one process.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReferenceCase, WhisperReference } from '../../fixtures/whisper/reference.ts';
import type { RivalWhisper, TransformersJs } from '../../rivals/transformers-js.ts';
import { seededFeatures, type WhisperKind, writeWhisperFixture } from '../../support/seeded-weights.ts';

/** Tokens after the prompt, `<|endoftext|>` included where it ended so, by the case's id. */
export type RivalTokens = Record<string, number[]>;

/** Without timestamps both sides follow the same rules. With them transformers.js lets text come first (4.3.1). */
export function comparableCases(cases: readonly ReferenceCase[]): ReferenceCase[] {
  return cases.filter(({ timestamps }) => !timestamps);
}

/** The cases as `compareCases` takes them, with the other program's tokens for the expected ones. */
export function expecting(tokens: RivalTokens, { cases, kinds }: WhisperReference): ReferenceCase[] {
  return comparableCases(cases).map((item) => {
    const written = tokens[item.id] ?? [];
    return { ...item, tokens: written, end: written.at(-1) === kinds[item.kind].tokens.eot ? 'eot' : 'length' };
  });
}

/** All comparable cases, one window at a time. @throws Error where it makes another prompt. */
export async function writeWithTransformersJs(
  library: TransformersJs,
  { cases, kinds, maxNewTokens }: WhisperReference,
): Promise<RivalTokens> {
  const root = await mkdtemp(join(tmpdir(), 'whisper-rival-'));
  library.env.allowRemoteModels = false;
  library.env.localModelPath = root;
  const written: RivalTokens = {};
  try {
    for (const kind of Object.keys(kinds) as WhisperKind[]) {
      await mkdir(join(root, kind));
      await writeWhisperFixture(kind, join(root, kind));
      const whisper = await library.WhisperForConditionalGeneration.from_pretrained(kind, {
        dtype: 'fp32',
        device: 'cpu',
        session_options: { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 },
      });
      const { mels, multilingual } = kinds[kind];
      for (const item of comparableCases(cases).filter((candidate) => candidate.kind === kind)) {
        written[item.id] = await generate(whisper, item, {
          inputs: new library.Tensor('float32', seededFeatures(item.seed, mels, item.frames), [1, mels, 3000]),
          ...promptOptions(item, multilingual),
          ...(item.suppress ? {} : { suppress_tokens: [], begin_suppress_tokens: [] }),
          return_timestamps: false,
          do_sample: false,
          max_new_tokens: maxNewTokens,
        });
      }
      await whisper.dispose();
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  return written;
}

/** It makes the prompt itself, except for text before the window, of which it knows nothing. */
function promptOptions({ previous, prompt, language, task }: ReferenceCase, multilingual: boolean): object {
  if (previous !== null) return { decoder_input_ids: prompt };
  return multilingual ? { language, task } : {};
}

async function generate(whisper: RivalWhisper, { id, prompt }: ReferenceCase, options: object): Promise<number[]> {
  const [row = []] = (await whisper.generate(options)).tolist();
  const ids = row.map(Number);
  if (ids.slice(0, prompt.length).join() !== prompt.join()) throw new Error(`${id}: another prompt, ${ids.join(' ')}`);
  return ids.slice(prompt.length);
}
