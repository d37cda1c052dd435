/** A decoder that opens another one, for beam search, when it is first asked for: the loop inside a graph knows no beams. */
import type { WhisperDecoder } from './decoder.ts';

/** `openSteps` opens graphs of about the decoder's size again, which stay open until the release. */
export function withBeamsOnDemand(decoder: WhisperDecoder, openSteps: () => Promise<WhisperDecoder>): WhisperDecoder {
  let steps: Promise<WhisperDecoder> | undefined;

  async function open(): Promise<WhisperDecoder> {
    steps ??= openSteps();
    try {
      return await steps;
    } catch (error) {
      // The next request tries again.
      steps = undefined;
      throw error;
    }
  }

  return {
    ...decoder,
    async decode(request) {
      return (request.beamSize ?? 1) > 1 ? (await open()).decode(request) : decoder.decode(request);
    },
    async release() {
      await decoder.release();
      await (await steps?.catch(() => undefined))?.release();
    },
  };
}
