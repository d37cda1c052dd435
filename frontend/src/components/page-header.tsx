import { Button } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useLocation } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';
import { takeNavigation } from '../lib/focus-on-navigation.ts';
import { useT } from '../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './page-header.module.css';

export interface FilterChip {
  /** `State: failed`. */
  label: string;
  onRemove: () => void;
}

export interface PageHeaderProps {
  title: string;
  /** How many there are; zero shows. */
  count?: number | undefined;
  /** One sentence under the title. */
  description?: ReactNode;
  /** Buttons at the end of the line. */
  actions?: ReactNode;
  /** What the URL filters by. */
  filters?: readonly FilterChip[];
  /** Removes them all at once. */
  onClearFilters?: () => void;
}

/** The screen's one `h1`: names the tab, and takes the focus when a navigation brought the reader here. */
export function PageHeader({ title, count, description, actions, filters = [], onClearFilters }: PageHeaderProps) {
  const t = useT(messages);
  const heading = useRef<HTMLHeadingElement>(null);
  const pathname = useLocation({ select: (location) => location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another path is another visit, if the same component shows it
  useEffect(() => {
    if (takeNavigation()) heading.current?.focus();
  }, [pathname]);
  useEffect(() => {
    document.title = `${title} · Audio Gateway`;
  }, [title]);
  return (
    <div className={classes.header}>
      <div className={classes.line}>
        <h1 ref={heading} tabIndex={-1} className={classes.title}>
          {title}
        </h1>
        {count !== undefined && <span className={classes.count}>{count}</span>}
        {actions !== undefined && <div className={classes.actions}>{actions}</div>}
      </div>
      {description !== undefined && <div className={classes.description}>{description}</div>}
      {filters.length > 0 && (
        <ul className={classes.filters} aria-label={t('filters')}>
          {filters.map(({ label, onRemove }) => (
            <li key={label}>
              <Button
                size="compact-sm"
                variant="default"
                rightSection={<IconX size={14} aria-hidden />}
                aria-label={t('removeFilter', { filter: label })}
                onClick={onRemove}
              >
                {label}
              </Button>
            </li>
          ))}
          {filters.length > 1 && onClearFilters !== undefined && (
            <li>
              <Button size="compact-sm" variant="subtle" onClick={onClearFilters}>
                {t('clearFilters')}
              </Button>
            </li>
          )}
        </ul>
      )}
    </div>
  );
}
