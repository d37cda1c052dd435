import { z } from 'zod';

/** OpenAI's error envelope. Extra members may stand beside the four; clients read only these. */
export const errorEnvelope = z
  .object({
    error: z.looseObject({
      message: z.string().min(1),
      type: z.string().min(1),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'ErrorResponse' });
export type ErrorEnvelope = z.infer<typeof errorEnvelope>;
