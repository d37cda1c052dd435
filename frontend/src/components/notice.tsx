import type { ReactNode } from 'react';
import classes from './notice.module.css';

export interface NoticeProps {
  tone: 'warning' | 'error' | 'active';
  title: string;
  children?: ReactNode;
}

/** Something the reader should know now; read out as soon as it appears. */
export function Notice({ tone, title, children }: NoticeProps) {
  return (
    <div className={classes.notice} data-tone={tone} role="alert">
      <strong>{title}</strong>
      {children}
    </div>
  );
}
