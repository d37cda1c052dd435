/** What the URL of this screen may hold; anything else in it is dropped. */
import { z } from 'zod';

const text = z.string().optional().catch(undefined);

export const auditSearch = z.object({
  q: text,
  action: text,
  key: text,
  result: text,
});
