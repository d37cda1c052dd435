import { Button, Group } from '@mantine/core';
import type { ReactNode } from 'react';
import { ApiError } from '../api/api-error.ts';
import { useT } from '../lib/i18n/use-t.ts';
import { CopyButton } from './copy-button.tsx';
import classes from './error-card.module.css';
import { useErrorTexts } from './error-codes/use-error-texts.ts';
import { messages } from './messages.ts';
import { Notice } from './notice.tsx';

export interface ErrorCardProps {
  error: unknown;
  /** What was being done; default by the kind of error. */
  title?: string;
  /** What to do about it; default by the kind of error. */
  fix?: ReactNode;
  onRetry?: (() => void) | undefined;
}

/** What went wrong, why, what to do, and the id under which the server's log has it. */
export function ErrorCard({ error, title, fix, onRetry }: ErrorCardProps) {
  const t = useT(messages);
  const api = error instanceof ApiError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const kind = api?.kind ?? 'failed';
  const known = useErrorTexts(api?.code);
  const wait = api?.retryAfterSeconds;
  const ofKind = kind === 'failed' ? undefined : t(`${kind}Fix` as const);
  const advice = fix ?? (wait === undefined ? (known?.fix ?? ofKind) : t('busyFix', { seconds: wait }));
  return (
    <Notice tone="error" title={title ?? known?.title ?? t(`${kind}Title` as const)}>
      <p>{message}</p>
      {advice !== undefined && <div>{advice}</div>}
      {(api !== undefined || onRetry !== undefined) && (
        <Group gap="sm" mt="xs">
          {onRetry !== undefined && (
            <Button size="xs" variant="default" onClick={onRetry}>
              {t('retry')}
            </Button>
          )}
          {api?.requestId !== undefined && (
            <span className={classes.requestId}>
              {t('requestId')} <code>{api.requestId}</code>
              <CopyButton value={api.requestId} />
            </span>
          )}
        </Group>
      )}
      {api !== undefined && (api.code ?? api.param) !== undefined && (
        <details className={classes.details}>
          <summary>{t('details')}</summary>
          <p>
            {[api.status, api.code].filter((part) => part !== undefined).join(' ')}
            {api.param !== undefined && <> {t('field', { field: api.param })}</>}
          </p>
        </details>
      )}
    </Notice>
  );
}
