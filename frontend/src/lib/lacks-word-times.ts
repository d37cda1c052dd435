/** Of the catalog's: their graphs have the attention, though their names do not say so. */
const HAVE_THEM: ReadonlySet<string> = new Set(['whisper-medium', 'starter-whisper']);

/** Plain whisper graphs give no attention to take word times from: their `_timestamped` siblings do. */
export function lacksWordTimes(model: string): boolean {
  return /whisper/i.test(model) && !model.includes('_timestamped') && !HAVE_THEM.has(model);
}
