/**
 * Diarization error rate of turns against reference turns: exact overlap, no collar, overlapping speech counted, the best
 * one-to-one mapping of speakers. Only for this comparison; to be replaced by `backend/src/text/der.ts`.
 */
import { assignMaximum } from '../../../backend/src/models/pyannote/clustering/hungarian.ts';
import type { RttmTurn } from './diarization-fixture.ts';

/** (missed + false alarm + confusion) / reference speech; 0 when both are empty. */
export function exactDer(reference: readonly RttmTurn[], hypothesis: readonly RttmTurn[]): number {
  const edges = [...new Set([...reference, ...hypothesis].flatMap(({ start, end }) => [start, end]))];
  edges.sort((a, b) => a - b);
  const speakers = (turns: readonly RttmTurn[]) => [...new Set(turns.map(({ speaker }) => speaker))];
  const [rows, columns] = [speakers(reference), speakers(hypothesis)];
  const together = new Float64Array(rows.length * columns.length);
  const pieces = edges.slice(1).map((end, at) => {
    const start = edges[at] ?? end;
    const within = (turns: readonly RttmTurn[]) => turns.filter((turn) => turn.start <= start && end <= turn.end);
    return { seconds: end - start, theirs: speakers(within(reference)), ours: speakers(within(hypothesis)) };
  });
  for (const { seconds, theirs, ours } of pieces) {
    for (const row of theirs) {
      for (const column of ours) {
        const at = rows.indexOf(row) * columns.length + columns.indexOf(column);
        together[at] = (together[at] ?? 0) + seconds;
      }
    }
  }
  const columnOf = assignMaximum(together, rows.length, columns.length);
  let speech = 0;
  let errors = 0;
  for (const { seconds, theirs, ours } of pieces) {
    const right = theirs.filter((row) => ours.includes(columns[columnOf[rows.indexOf(row)] ?? -1] ?? '')).length;
    speech += seconds * theirs.length;
    errors += seconds * (Math.max(theirs.length, ours.length) - right);
  }
  if (speech > 0) return errors / speech;
  return errors > 0 ? 1 : 0;
}
