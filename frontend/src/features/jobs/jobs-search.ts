/** What the URL of this screen may hold; anything else in it is dropped. */
import { z } from 'zod';

const text = z.string().optional().catch(undefined);

export const jobsSearch = z.object({
  q: text,
  status: text,
  kind: text,
  model: text,
  key: text,
});
