/** `GET /v1/jobs/{id}/peaks`: the outline of a waveform, for a page to draw. */
import { z } from 'zod';

/** Finer ones are not kept. */
export const MAX_POINTS_PER_SECOND = 100;
/** Of one answer, which has at most 10 bytes for each. */
export const MAX_PEAK_POINTS = 100_000;

export const waveformPeaks = z
  .object({
    version: z.literal(2),
    channels: z.literal(1),
    sample_rate: z.int(),
    samples_per_pixel: z.int().meta({ description: 'Samples of `sample_rate` that a point stands for' }),
    bits: z.literal(8),
    length: z.int().meta({ description: 'Points' }),
    data: z.array(z.int().min(-128).max(127)).meta({ description: 'Least and greatest sample of each point, in turn' }),
    points_per_second: z.number().meta({ description: 'As given: fewer than asked for where the audio is long' }),
    start: z.number().meta({ description: 'Seconds; of the first point' }),
    duration: z.number().meta({ description: 'Seconds; of all the audio' }),
  })
  .meta({ id: 'WaveformPeaks', description: "audiowaveform's JSON format, version 2, and three members more" });
export type WaveformPeaks = z.infer<typeof waveformPeaks>;

const number = z
  .string()
  .regex(/^\d{1,7}(\.\d{1,6})?$/, 'must be a number')
  .transform(Number);

export const peaksQuery = z.object({
  source: z.string().optional().meta({ description: '`input` (default), or the name of an artifact that is audio' }),
  points_per_second: number
    .pipe(z.number().min(0.001).max(MAX_POINTS_PER_SECOND))
    .optional()
    .meta({ description: `At most ${MAX_POINTS_PER_SECOND}; default 20` }),
  start: number.optional().meta({ description: 'Seconds; default 0' }),
  end: number.optional().meta({ description: 'Seconds; default: to the end' }),
});
