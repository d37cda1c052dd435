/** Which word of a reference became which of a hypothesis: one cheapest alignment, the one that `countErrors` counts. */

export type AlignedOp = 'equal' | 'substitution' | 'deletion' | 'insertion';

export interface AlignedWord {
  op: AlignedOp;
  /** null for an insertion. */
  reference: string | null;
  /** null for a deletion. */
  hypothesis: string | null;
}

const [DIAGONAL, DOWN, RIGHT] = [0, 1, 2];
/** Steps in a byte of the table. */
const STEPS_PER_BYTE = 4;

/** O(n·m) time, n·m/4 bytes. */
export function alignWords(reference: readonly string[], hypothesis: readonly string[]): AlignedWord[] {
  const width = hypothesis.length + 1;
  const steps = new Uint8Array(Math.ceil((width * (reference.length + 1)) / STEPS_PER_BYTE));
  const note = (cell: number, step: number) => {
    const byte = Math.floor(cell / STEPS_PER_BYTE);
    steps[byte] = (steps[byte] as number) | (step << (2 * (cell % STEPS_PER_BYTE)));
  };
  let above = Uint32Array.from({ length: width }, (_, j) => j);
  let row = new Uint32Array(width);
  for (let i = 1; i <= reference.length; i += 1) {
    const word = reference[i - 1];
    row[0] = i;
    for (let j = 1; j < width; j += 1) {
      const diagonal = (above[j - 1] as number) + (word === hypothesis[j - 1] ? 0 : 1);
      const down = (above[j] as number) + 1;
      const right = (row[j - 1] as number) + 1;
      const step = diagonal <= down && diagonal <= right ? DIAGONAL : down <= right ? DOWN : RIGHT;
      row[j] = step === DIAGONAL ? diagonal : step === DOWN ? down : right;
      note(i * width + j, step);
    }
    [above, row] = [row, above];
  }

  const aligned: AlignedWord[] = [];
  let [i, j] = [reference.length, hypothesis.length];
  while (i > 0 || j > 0) {
    const cell = i * width + j;
    const noted = ((steps[Math.floor(cell / STEPS_PER_BYTE)] as number) >> (2 * (cell % STEPS_PER_BYTE))) & 3;
    const step = i === 0 ? RIGHT : j === 0 ? DOWN : noted;
    const [wanted, found] = [reference[i - 1] ?? null, hypothesis[j - 1] ?? null];
    if (step === DIAGONAL) {
      aligned.push({ op: wanted === found ? 'equal' : 'substitution', reference: wanted, hypothesis: found });
    } else if (step === DOWN) aligned.push({ op: 'deletion', reference: wanted, hypothesis: null });
    else aligned.push({ op: 'insertion', reference: null, hypothesis: found });
    if (step !== RIGHT) i -= 1;
    if (step !== DOWN) j -= 1;
  }
  return aligned.reverse();
}
