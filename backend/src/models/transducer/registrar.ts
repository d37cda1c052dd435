/** Repositories in the layout of sherpa-onnx's streaming zipformers that an operator adds. */
import { z } from 'zod';
import { GatewayError } from '../../errors.ts';
import type { Registrar } from '../define-model.ts';
import { commonSettings, estimateBytes, readSettings, requireFiles } from '../registration.ts';
import { transducer } from './definition.ts';

const given = z.strictObject({
  ...commonSettings,
  language: z.string().regex(/^[a-z]{2,3}$/),
  encoder: z.string().optional(),
  decoder: z.string().optional(),
  joiner: z.string().optional(),
  tokens: z.string().default('tokens.txt'),
  encoder_threads: z.int().min(1).optional(),
});

const completed = given.required({ encoder: true, decoder: true, joiner: true, estimate_bytes: true });

export const complete: Registrar['complete'] = (registration, listed) => {
  const settings = readSettings(registration, given);
  const files = new Map(listed.map(({ path, size }) => [path, size]));
  const { tokens } = settings;
  // As in the catalog: the encoder in 8 bits, the small graphs in float32.
  const encoder = settings.encoder ?? onlyGraph(files, 'encoder', { quantized: true });
  const decoder = settings.decoder ?? onlyGraph(files, 'decoder', { quantized: false });
  const joiner = settings.joiner ?? onlyGraph(files, 'joiner', { quantized: false });
  const all = [encoder, decoder, joiner, tokens];
  requireFiles(registration, files, all);
  return {
    ...settings,
    encoder,
    decoder,
    joiner,
    estimate_bytes: settings.estimate_bytes ?? estimateBytes(files, all),
  };
};

export const define: Registrar['define'] = (registration) => {
  const { id, repo, revision } = registration;
  const settings = readSettings(registration, completed);
  const { license, language, encoder, decoder, joiner, tokens, encoder_threads: encoderThreads } = settings;
  return transducer({
    id,
    repo,
    revision,
    license,
    estimateBytes: settings.estimate_bytes,
    settings: {
      encoder,
      decoder,
      joiner,
      tokens,
      language,
      ...(encoderThreads === undefined ? {} : { encoderThreads }),
    },
  });
};

/** The file of a graph where one can be told; its pattern where there is none. @throws invalid_value where there are several. */
function onlyGraph(files: ReadonlyMap<string, number>, part: string, { quantized }: { quantized: boolean }): string {
  const all = [...files.keys()].filter((path) => new RegExp(`^${part}[^/]*\\.onnx$`).test(path));
  const preferred = all.filter((path) => path.includes('.int8.') === quantized);
  const [first, ...others] = preferred.length > 0 ? preferred : all;
  if (first === undefined) return `${part}*.onnx`;
  if (others.length === 0) return first;
  throw new GatewayError('invalid_value', {
    message: `Invalid value for 'settings.${part}': the repository has several; name one of ${preferred.join(', ')}.`,
    param: `settings.${part}`,
  });
}
