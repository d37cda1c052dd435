import type { SpeakerMark as Mark } from '../../lib/speakers.ts';
import classes from './speaker-mark.module.css';

/** A speaker's letter in its colour, and the name where that says more. */
export function SpeakerMark({ mark, name }: { mark: Mark; name: string }) {
  return (
    <span className={classes.mark}>
      <span className={classes.letter} style={{ borderColor: `var(--agw-series-${mark.series})` }}>
        <span>{mark.letter}</span>
      </span>
      {name !== mark.letter && name}
    </span>
  );
}
