/** An uploaded file → 44.1 kHz stereo, what every music model here takes. */
import { type DecodeOptions, decodePcm } from './decode.ts';
import { probeAudio } from './probe.ts';
import { STEREO_RATE } from './sample-rate.ts';

/** Lossy files go above full scale where the music is loud, and models take it; 24 dB is beyond every honest one. */
const PEAK = 16;

/**
 * As `decodeAudio`, in its limits and errors too (`maxDecodedBytes` means the same seconds), in chunks [44100, 2]: a mono
 * file is on both sides, more channels are mixed down, samples beyond full scale are kept.
 *
 * @throws GatewayError as `decodeAudio`; a container that ffprobe cannot read is refused, whatever ffmpeg would make of it.
 */
export async function* decodeStereo(path: string, options: DecodeOptions): AsyncGenerator<Float32Array, void, void> {
  const { channels } = await probeAudio(path, options);
  if (channels > 1) {
    yield* decodePcm(path, { rate: STEREO_RATE, channels: 2, peak: PEAK }, options);
    return;
  }
  for await (const chunk of decodePcm(path, { rate: STEREO_RATE, channels: 1, peak: PEAK }, options)) {
    yield onBothSides(chunk);
  }
}

function onBothSides(mono: Float32Array): Float32Array {
  const stereo = new Float32Array(2 * mono.length);
  for (const [i, sample] of mono.entries()) stereo.fill(sample, 2 * i, 2 * i + 2);
  return stereo;
}
