/** Enrolling a voice: what a model hears in each clip of it → one voiceprint. */
import { GatewayError } from '../errors.ts';
import { cosine, meanVoiceprint, unitVector } from './voiceprints.ts';

export interface Clip {
  path: string;
  /** The part of the request that it came in. */
  field: string;
  /** What the client calls the file. */
  name: string | undefined;
}

export interface HeardVoice {
  /** Id of the model whose voiceprint it is. */
  model: string;
  /** Of any length; of nobody's voice, whatever it is. */
  voiceprint: number[];
  /** Of speech. */
  seconds: number;
}

/** Of less speech a voiceprint says little. */
const MIN_SPEECH_SECONDS = 1;
/**
 * Least cosine similarity between clips of one voice. Low, since clips may be short and come from different microphones:
 * it finds a mixed-up file, not an impostor.
 */
const MIN_AGREEMENT = 0.3;

/**
 * One clip after the other.
 * @param clips at least one. @throws audio_too_short, speakers_differ, and what `hear` does, naming the clip.
 */
export async function hearSpeaker(
  clips: readonly Clip[],
  hear: (clip: Clip, index: number) => Promise<HeardVoice>,
): Promise<HeardVoice> {
  const heard: HeardVoice[] = [];
  let model = '';
  for (const [index, clip] of clips.entries()) {
    const voice = await hear(clip, index).catch((error: unknown) => {
      throw namingClip(error, clip, index);
    });
    if (voice.seconds < MIN_SPEECH_SECONDS || unitVector(voice.voiceprint) === undefined) {
      throw new GatewayError('audio_too_short', {
        message: `${labelOf(clip, index)} has ${voice.seconds.toFixed(1)} s of speech; a voice takes ${MIN_SPEECH_SECONDS} s at least.`,
        param: clip.field,
      });
    }
    model = voice.model;
    heard.push(voice);
  }
  const stranger = findStranger(heard.map(({ voiceprint }) => voiceprint));
  const clip = clips[stranger];
  if (clip !== undefined) {
    throw new GatewayError('speakers_differ', {
      message: `${labelOf(clip, stranger)} does not sound like the same person as the others. Send clips of one voice.`,
      param: clip.field,
    });
  }
  const seconds = heard.reduce((sum, voice) => sum + voice.seconds, 0);
  return { model, voiceprint: meanVoiceprint(heard), seconds };
}

/** Index of the one that is least like the others, of those that disagree with any; -1 where all agree. The later one of two. */
function findStranger(voiceprints: readonly number[][]): number {
  let stranger = -1;
  let least = Number.POSITIVE_INFINITY;
  for (const [index, voiceprint] of voiceprints.entries()) {
    const similarities = voiceprints.filter((_, other) => other !== index).map((other) => cosine(voiceprint, other));
    if (similarities.every((similarity) => similarity >= MIN_AGREEMENT)) continue;
    const total = similarities.reduce((sum, similarity) => sum + similarity, 0);
    if (stranger < 0 || total <= least) {
      stranger = index;
      least = total;
    }
  }
  return stranger;
}

function labelOf({ name }: Clip, index: number): string {
  return name === undefined ? `Clip ${index + 1}` : `Clip ${index + 1} ("${name}")`;
}

/** What is wrong with a clip is told of that clip; what is wrong with the server is left as it is. */
function namingClip(error: unknown, clip: Clip, index: number): unknown {
  if (!(error instanceof GatewayError) || error.status !== 400) return error;
  const { code, message, extra, detail } = error;
  return new GatewayError(code, {
    message: `${labelOf(clip, index)}: ${message}`,
    param: clip.field,
    cause: error,
    detail,
    extra,
  });
}
