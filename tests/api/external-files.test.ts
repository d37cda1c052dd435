/** An uploaded description of another file of this machine is refused, and nothing of that file comes back. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DESCRIPTIONS } from '../support/file-descriptions.ts';
import { describeWithShared, shared } from '../support/shared.ts';
import { type Api, errorOf, startApi } from './start-api.ts';

describeWithShared('an upload that names another file', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi({ withHub: true });
  });
  afterAll(() => api.close());

  it.each(Object.keys(DESCRIPTIONS))('%s: 400 unsupported_audio, under any name', async (kind) => {
    const target = shared('audio', 'speech', 'jfk.wav');
    for (const path of [target, `file://${target}`]) {
      const file = new File([DESCRIPTIONS[kind]?.(path) ?? ''], 'speech.wav', { type: 'audio/wav' });
      const response = await api.transcribe({ file, model: 'zipformer-gigaspeech-3.3m' });
      const answer = response.clone();
      expect(await errorOf(response)).toMatchObject({ status: 400, code: 'unsupported_audio', param: 'file' });
      expect(await answer.text()).not.toContain(target);
    }
  });
});
