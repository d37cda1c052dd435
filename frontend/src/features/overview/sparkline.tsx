import classes from './overview.module.css';
import { sparklinePath } from './sparkline-path.ts';

const WIDTH = 240;
const HEIGHT = 40;

/** The hour as a line; the figure beside it says the same for who does not see it. */
export function Sparkline({ values }: { values: readonly (number | null)[] }) {
  return (
    <svg className={classes.sparkline} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden>
      <path d={sparklinePath(values, WIDTH, HEIGHT)} />
    </svg>
  );
}
