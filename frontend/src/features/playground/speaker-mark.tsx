import classes from './speaker-mark.module.css';
import type { SpeakerMark as Mark } from './speakers.ts';

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
