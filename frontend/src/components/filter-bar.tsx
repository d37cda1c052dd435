import type { ReactNode } from 'react';
import classes from './filter-bar.module.css';

/** The fields that a list is filtered by, the text field first. */
export function FilterBar({ children }: { children: ReactNode }) {
  return <div className={classes.bar}>{children}</div>;
}
