export type Tone = 'ok' | 'warning' | 'error' | 'active' | 'idle';

export interface BadgeProps {
  tone: Tone;
  word: string;
}

/** State as shape, word and colour: none of the three is needed to understand the other two. */
export function Badge({ tone, word }: BadgeProps) {
  return (
    <span className={`badge ${tone}`}>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        <path d={SHAPES[tone]} />
      </svg>
      {word}
    </span>
  );
}

/** Stroked outlines in a 12 × 12 box: tick, exclamation mark, cross, arrow, circle. */
const SHAPES: Record<Tone, string> = {
  ok: 'M2 6.5 5 9.5 10 3',
  warning: 'M6 2v5M6 9.7v.3',
  error: 'M3 3l6 6M9 3l-6 6',
  active: 'M2 6h8M6.5 2.5 10 6 6.5 9.5',
  idle: 'M6 3a3 3 0 1 0 .01 0',
};
