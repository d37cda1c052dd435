/** What an answer says of the models behind it. */
import type { Response } from 'express';

export interface ModelNotes {
  /** Whether a model, by id, ships with the gateway. */
  isBundled(id: string): boolean;
}

/** Says in `x-model-note` which of the models that make the answer are the small ones that ship with the gateway. */
export function noteModels(response: Response, { isBundled }: ModelNotes, ids: readonly string[]): void {
  const bundled = [...new Set(ids)].filter(isBundled);
  if (bundled.length === 0) return;
  const note = `${bundled.join(', ')}: small, shipped with the gateway for a first try; load a larger model for real work`;
  response.setHeader('x-model-note', note);
}
