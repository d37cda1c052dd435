/** A comparison under way: which two jobs it is in the URL, and what they are held against in this tab. */
import { z } from 'zod';
import { tabStore } from '../../lib/safe-storage.ts';

export type Kind = 'text' | 'speakers';

export interface Reference {
  kind: Kind;
  /** The text as it is right, or RTTM. */
  text: string;
  normalizer: 'basic' | 'english' | 'multilingual';
}

export const NO_REFERENCE: Reference = { kind: 'text', text: '', normalizer: 'basic' };

const STORAGE_KEY = 'agw.evaluate';
const kept = z.object({
  kind: z.enum(['text', 'speakers']),
  text: z.string(),
  normalizer: z.enum(['basic', 'english', 'multilingual']),
});

/** Too long for a URL, and nobody else's: it stays in the tab, where that is allowed. */
export function keepReference(reference: Reference): void {
  tabStore.set(STORAGE_KEY, JSON.stringify(reference));
}

export function keptReference(): Reference {
  try {
    return kept.parse(JSON.parse(tabStore.get(STORAGE_KEY) ?? ''));
  } catch {
    return NO_REFERENCE;
  }
}

/** `job_a,job_b` → their ids, one or two. */
export function jobsOf(run: string | undefined): string[] {
  return (run ?? '')
    .split(',')
    .filter((id) => id !== '')
    .slice(0, 2);
}
