/** Several clips → one voiceprint, and what is wrong with a clip. */
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../backend/src/errors.ts';
import { type Clip, type HeardVoice, hearSpeaker } from '../../backend/src/services/enrolment.ts';
import { cosine, meanVoiceprint, unitVector } from '../../backend/src/services/voiceprints.ts';

type Heard = Omit<HeardVoice, 'model'> | Error;

/** Clips are called `0.wav`, `1.wav`, … */
function enrol(heard: readonly Heard[]): Promise<HeardVoice> {
  const clips: Clip[] = heard.map((_, index) => ({ path: `/${index}`, field: 'clips[]', name: `${index}.wav` }));
  return hearSpeaker(clips, async ({ path }, index) => {
    expect(path).toBe(`/${index}`);
    const voice = heard[index];
    if (voice === undefined || voice instanceof Error) throw voice;
    return { ...voice, model: 'm' };
  });
}

describe('an enrolment', () => {
  it('weighs each clip by its seconds, not by how long its voiceprint is', async () => {
    const heard = [
      { voiceprint: [300, 0], seconds: 3 },
      { voiceprint: [0.4, 0.3], seconds: 1 },
    ];
    const { voiceprint, ...rest } = await enrol(heard);
    expect(rest).toEqual({ model: 'm', seconds: 4 });
    // (3, 0) + (0.8, 0.6), at length 1.
    const length = Math.hypot(3.8, 0.6);
    expect(voiceprint).toEqual([expect.closeTo(3.8 / length, 12), expect.closeTo(0.6 / length, 12)]);
  });

  it('takes one clip, from 1 s of speech on', async () => {
    expect(await enrol([{ voiceprint: [0, -2], seconds: 1 }])).toEqual({ model: 'm', voiceprint: [0, -1], seconds: 1 });
  });

  it.each([
    ['too little speech', { voiceprint: [1, 0], seconds: 0.94 }],
    ['no speech', { voiceprint: [], seconds: 0 }],
    ['a voiceprint of nothing', { voiceprint: [0, 0], seconds: 5 }],
    ['a voiceprint that is none', { voiceprint: [Number.NaN, 1], seconds: 5 }],
  ])('refuses a clip with %s, and names it', async (_, bad) => {
    await expect(enrol([{ voiceprint: [1, 0], seconds: 2 }, bad])).rejects.toMatchObject({
      code: 'audio_too_short',
      param: 'clips[]',
      message: expect.stringContaining('Clip 2 ("1.wav")'),
    });
  });

  it.each([
    [
      'the second of two',
      [
        [1, 0],
        [0, 1],
      ],
      'Clip 2',
    ],
    [
      'the first of three',
      [
        [0, 1],
        [1, 0],
        [0.9, 0.1],
      ],
      'Clip 1',
    ],
    [
      'the middle of three',
      [
        [1, 0],
        [-0.2, 1],
        [1, 0.1],
      ],
      'Clip 2',
    ],
  ])('refuses clips of two voices, and names %s', async (_, voiceprints, label) => {
    const heard = voiceprints.map((voiceprint) => ({ voiceprint, seconds: 2 }));
    await expect(enrol(heard)).rejects.toMatchObject({
      code: 'speakers_differ',
      param: 'clips[]',
      message: expect.stringContaining(label),
    });
  });

  it('takes clips that are just like enough', async () => {
    const at = (similarity: number) => [similarity, Math.sqrt(1 - similarity ** 2)];
    const heard = (similarity: number) => [[1, 0], at(similarity)].map((voiceprint) => ({ voiceprint, seconds: 2 }));
    await expect(enrol(heard(0.31))).resolves.toBeDefined();
    await expect(enrol(heard(0.29))).rejects.toMatchObject({ code: 'speakers_differ' });
  });

  it('names the clip that cannot be read; a fault of the server is left as it is', async () => {
    const good = { voiceprint: [1, 0], seconds: 2 };
    const unreadable = new GatewayError('unsupported_audio', { message: 'There is no audio in it.', param: 'file' });
    await expect(enrol([good, unreadable])).rejects.toMatchObject({
      code: 'unsupported_audio',
      param: 'clips[]',
      message: 'Clip 2 ("1.wav"): There is no audio in it.',
    });
    const busy = new GatewayError('model_loading', { message: 'Loading.', retryAfterSeconds: 3 });
    await expect(enrol([busy])).rejects.toBe(busy);
  });
});

describe('voiceprints', () => {
  it('are compared by their direction alone', () => {
    expect(cosine([2, 0], [5, 0])).toBe(1);
    expect(cosine([1, 1], [0, 3])).toBeCloseTo(Math.SQRT1_2, 12);
    expect(cosine([1e-3, 0], [-7, 0])).toBe(-1);
    for (const [a, b] of [
      [
        [0, 0],
        [1, 0],
      ],
      [
        [1, 0],
        [1, Number.NaN],
      ],
      [
        [1, 0],
        [1, Number.POSITIVE_INFINITY],
      ],
      [[1, 0], [1]],
      [[], []],
    ] as const) {
      expect(cosine(a, b)).toBeNaN();
      expect(cosine(b, a)).toBeNaN();
    }
  });

  it('have a mean unless they have no direction', () => {
    expect(unitVector([0, 0])).toBeUndefined();
    expect(() => meanVoiceprint([{ voiceprint: [0, 0], seconds: 1 }])).toThrow('no mean');
    expect(() => meanVoiceprint([])).toThrow('no mean');
  });
});
