/** What the URL of this screen may hold; anything else in it is dropped. */
import { z } from 'zod';

const text = z.string().optional().catch(undefined);

export const webhooksSearch = z.object({
  q: text,
  status: text,
  /** Id of the key whose deliveries an operator looks at. */
  key: text,
});
