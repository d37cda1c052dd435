import { downloadPercent } from '../../lib/download-percent.ts';

/** What of a model is worth saying aloud. */
export interface Announced {
  id: string;
  status: string;
  files: { bytes: number; total_bytes: number };
}

/** One sentence per model whose status changed, or whose download passed a quarter. */
export function describeChanges(before: readonly Announced[], after: readonly Announced[]): string[] {
  const known = new Map(before.map((model) => [model.id, model]));
  return after.flatMap((model) => {
    const old = known.get(model.id);
    if (old === undefined) return [];
    if (old.status !== model.status) return [`${model.id}: ${model.status}.`];
    const quarter = quarterOf(model);
    return quarter > quarterOf(old) ? [`${model.id}: ${quarter * 25} percent downloaded.`] : [];
  });
}

function quarterOf({ status, files }: Announced): number {
  if (status !== 'downloading') return 0;
  return Math.floor((downloadPercent(files.bytes, files.total_bytes) ?? 0) / 25);
}
