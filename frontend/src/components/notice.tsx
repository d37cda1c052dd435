import type { ReactNode } from 'react';

export interface NoticeProps {
  tone: 'warning' | 'error';
  title: string;
  children?: ReactNode;
}

/** Something the reader should know now; read out as soon as it appears. */
export function Notice({ tone, title, children }: NoticeProps) {
  return (
    <div className={`notice ${tone}`} role="alert">
      <strong>{title}</strong>
      {children}
    </div>
  );
}
