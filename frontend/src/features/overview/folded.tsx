import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './overview.module.css';

const FIRST = 5;

export interface FoldedProps<T> {
  items: readonly T[];
  keyOf: (item: T) => string;
  children: (item: T) => ReactNode;
  /** Of what is counted: `Needs attention`. */
  label: string;
}

/** A list that begins with its first five; the rest unfolds. */
export function Folded<T>({ items, keyOf, children, label }: FoldedProps<T>) {
  const t = useT(messages);
  const [isOpen, setIsOpen] = useState(false);
  const more = items.length - FIRST;
  return (
    <>
      <ul className={classes.items} aria-label={label}>
        {(isOpen ? items : items.slice(0, FIRST)).map((item) => (
          <li key={keyOf(item)}>{children(item)}</li>
        ))}
      </ul>
      {more > 0 && (
        <Button
          size="compact-md"
          variant="default"
          justify="start"
          aria-expanded={isOpen}
          aria-label={`${label}: ${isOpen ? t('fewer') : t('more', { count: more })}`}
          className={classes.more}
          onClick={() => setIsOpen(!isOpen)}
        >
          {isOpen ? t('fewer') : t('more', { count: more })}
        </Button>
      )}
    </>
  );
}
