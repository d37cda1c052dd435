import type { ReactNode } from 'react';
import classes from './filter-button.module.css';

/** A value in a table's cell that filters the list by itself. */
export function FilterButton({ onClick, children }: { onClick: () => void; children: ReactNode }) {
  return (
    <button type="button" className={classes.button} onClick={onClick}>
      {children}
    </button>
  );
}
