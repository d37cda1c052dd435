/** Child of `npm run parity -- whisper`: sends its parent what transformers.js writes. */
import { readWhisperReference } from '../../fixtures/whisper/reference.ts';
import { loadTransformersJs } from '../../rivals/transformers-js.ts';
import { writeWithTransformersJs } from './transformers-js-whisper.ts';

const [, , entry = ''] = process.argv;
const tokens = await writeWithTransformersJs(await loadTransformersJs(entry), await readWhisperReference());
process.send?.(tokens, () => process.disconnect?.());
