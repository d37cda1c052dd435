import { Fragment } from 'react';
import { clearWordCursor, moveWordCursor } from '../../components/audio/word-cursor.ts';
import { ScrollRegion } from '../../components/scroll-region.tsx';
import classes from './evaluate.module.css';
import type { TimedEntry } from './timed-diff.ts';

export interface WordDiffProps {
  entries: readonly TimedEntry[];
  label: string;
  onSeek: (seconds: number) => void;
}

/** What differs, by symbol and colour: − is missing, + is too much, → was heard as. A click goes to where it is said. */
export function WordDiff({ entries, label, onSeek }: WordDiffProps) {
  const seekTo = (word: HTMLElement | null) => {
    const { start } = word?.dataset ?? {};
    if (start !== undefined) onSeek(Number(start));
  };
  return (
    <ScrollRegion
      as="div"
      role="group"
      label={label}
      className={classes.diff}
      onClick={(event) => seekTo((event.target as HTMLElement).closest<HTMLElement>('[data-start]'))}
      onKeyDown={(event) => moveWordCursor(event, '[data-start]', seekTo)}
      onBlur={(event) => clearWordCursor(event.currentTarget)}
    >
      {entries.map(({ op, reference, hypothesis, start }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the entries never change places
        <Fragment key={index}>
          <span data-op={op} data-start={start}>
            {op === 'equal' && hypothesis}
            {op === 'deletion' && <del>−{reference}</del>}
            {op === 'insertion' && <ins>+{hypothesis}</ins>}
            {op === 'substitution' && (
              <>
                <del>{reference}</del>→<ins>{hypothesis}</ins>
              </>
            )}
          </span>{' '}
        </Fragment>
      ))}
    </ScrollRegion>
  );
}
