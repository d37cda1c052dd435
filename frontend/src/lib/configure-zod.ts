/** Imported by whatever parses first: zod otherwise tries `new Function`, which the page's CSP reports on every load. */
import { config } from 'zod';

config({ jitless: true });
