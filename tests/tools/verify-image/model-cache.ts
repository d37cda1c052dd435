/** The default model's files as a download leaves them, from the reference material. */

import { downloadSnapshot } from '../../../backend/src/hub/download.ts';
import { DEFAULT_MODEL_LIST, loadModelList } from '../../../backend/src/models/load-model-list.ts';
import { startFakeHub } from '../../support/fake-hub.ts';
import { shared } from '../../support/shared.ts';

const MODEL = 'zipformer-gigaspeech-3.3m';

export async function fillModelCache(cacheDir: string): Promise<void> {
  await using hub = await startFakeHub({ root: shared('hub') });
  const models = (await loadModelList(DEFAULT_MODEL_LIST)).flatMap((family) => family.models);
  const model = models.find(({ id }) => id === MODEL);
  if (model === undefined) throw new Error(`there is no model ${MODEL}`);
  for (const { repo, revision, files } of [model, ...Object.values(model.auxiliary ?? {})]) {
    const signal = new AbortController().signal;
    await downloadSnapshot({ cacheDir, endpoint: hub.url, repo, revision, files, signal });
  }
}
