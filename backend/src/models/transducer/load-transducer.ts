import { readFile } from 'node:fs/promises';
import { createFilterbank, LHOTSE_FILTERBANK } from '../../audio/features.ts';
import type { OpenedSession } from '../../audio/session.ts';
import type { LoadContext } from '../define-model.ts';
import type { TransducerSettings } from './definition.ts';
import { createEncoder } from './encoder.ts';
import { createGreedySearch } from './greedy-search.ts';
import { prepareEncoder } from './prepare-encoder.ts';
import { parseTokens } from './tokens.ts';
import type { TransducerModel } from './transcribe.ts';

export interface LoadedTransducer extends TransducerModel {
  release(): Promise<void>;
}

/** Opens a model's three graphs and reads its vocabulary. */
export async function loadTransducer(
  context: Pick<LoadContext, 'file' | 'derivedFolder' | 'openSession'>,
  settings: TransducerSettings,
): Promise<LoadedTransducer> {
  const prepared = await prepareEncoder(context.file(settings.encoder), context.derivedFolder);
  const opened: OpenedSession[] = [];
  const open = async (path: string, threads: number | undefined): Promise<OpenedSession> => {
    const session = await context.openSession(path, threads === undefined ? {} : { threads });
    opened.push(session);
    return session;
  };
  const encoderSession = await open(prepared.path, settings.encoderThreads);
  const decoder = await open(context.file(settings.decoder), 1);
  const joiner = await open(context.file(settings.joiner), 1);
  const encoder = createEncoder(encoderSession, prepared.metadata);
  return {
    filterbank: createFilterbank({ ...LHOTSE_FILTERBANK, bins: encoder.layout.bins }),
    encoder,
    search: createGreedySearch(decoder, joiner),
    vocabulary: parseTokens(await readFile(context.file(settings.tokens), 'utf8')),
    language: settings.language,
    async release() {
      for (const session of opened) await session.release();
    },
  };
}
