import { Fragment, type ReactNode } from 'react';
import classes from './facts.module.css';

export interface FactsProps {
  /** Name and value; what is false is left out. */
  facts: readonly (readonly [name: string, value: ReactNode] | false)[];
}

/** What is known of one thing: names in a column, values beside them. */
export function Facts({ facts }: FactsProps) {
  return (
    <dl className={classes.facts}>
      {facts
        .filter((fact) => fact !== false)
        .map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
    </dl>
  );
}
