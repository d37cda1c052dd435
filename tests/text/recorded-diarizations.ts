import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Turn } from '../../backend/src/text/turn.ts';

type PackedTurn = [start: number, end: number, speaker: string];

interface Recorded {
  scorings: { collar: number; skipOverlap: boolean }[];
  diarizations: {
    reference: PackedTurn[];
    hypothesis: PackedTurn[];
    /** For each scoring: miss, false alarm, confusion, total, rate. */
    expected: [number, number, number, number, number][];
  }[];
  transcripts: {
    reference: Record<string, string[]>;
    hypothesis: Record<string, string[]>;
    errors: number;
    length: number;
    insertionsLessDeletions: number;
  }[];
  assignments: { rows: number; columns: number; cost: number[]; least: number }[];
  rttm: { turns: PackedTurn[]; rttm: string };
}

const path = new URL('../fixtures/der/reference.json.gz', import.meta.url);

/** What the field's tools counted: tests/fixtures/der/README.md. */
export const recorded: Recorded = JSON.parse(gunzipSync(readFileSync(path)).toString('utf8'));

export function unpackTurns(turns: readonly PackedTurn[]): Turn[] {
  return turns.map(([start, end, speaker]) => ({ start, end, speaker }));
}
