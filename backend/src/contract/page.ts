/** Lists that come in pages, newest first, each page named by the id before it. */
import { z } from 'zod';

const MAX_PAGE = 100;

/** Of a query string, so everything is text. */
export const pageQuery = {
  after: z.string().optional().meta({ description: 'Id of the last one of the page before' }),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, `must be a whole number from 1 to ${MAX_PAGE}`)
    .transform(Number)
    .pipe(z.int().min(1).max(MAX_PAGE))
    .optional()
    .meta({ description: `At most ${MAX_PAGE}; default 20` }),
};

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    object: z.literal('list'),
    data: z.array(item),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  });
}
