import { downloadPercent } from '../../lib/download-percent.ts';

/** What of a model is worth saying aloud. */
export interface Announced<Status extends string> {
  id: string;
  status: Status;
  files: { bytes: number; total_bytes: number };
}

/** A new status, or the quarter that a download passed, in percent. */
export interface Change<Status extends string> {
  id: string;
  change: Status | number;
}

/** One per model whose status changed, or whose download passed a quarter. */
export function describeChanges<Status extends string>(
  before: readonly Announced<Status>[],
  after: readonly Announced<Status>[],
): Change<Status>[] {
  const known = new Map(before.map((model) => [model.id, model]));
  return after.flatMap((model): Change<Status>[] => {
    const old = known.get(model.id);
    if (old === undefined) return [];
    if (old.status !== model.status) return [{ id: model.id, change: model.status }];
    const quarter = quarterOf(model);
    return quarter > quarterOf(old) ? [{ id: model.id, change: quarter * 25 }] : [];
  });
}

function quarterOf({ status, files }: Announced<string>): number {
  if (status !== 'downloading') return 0;
  return Math.floor((downloadPercent(files.bytes, files.total_bytes) ?? 0) / 25);
}
