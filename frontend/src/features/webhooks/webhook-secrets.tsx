import type { NewWebhookSecret, WebhookSecret } from '@contract/webhooks.ts';
import { Button, Card, Group, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/api.ts';
import { createSecret, deleteSecret, webhookSecretsQuery } from '../../api/webhooks.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { useOfflineReason } from '../../components/data-age.tsx';
import { DEFAULT_OVERLAP, OverlapSelect } from '../../components/overlap-select.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { SecretDialog } from '../../components/secret-dialog.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './webhooks.module.css';

type Open = { what: 'new' } | { what: 'end'; secret: WebhookSecret } | { what: 'shown'; secret: NewWebhookSecret };

/** Two at most: the one in use, and the one before it for a time. */
export function WebhookSecrets() {
  const t = useT(messages);
  const { relative, dateTime } = useFormat();
  const client = useQueryClient();
  const offline = useOfflineReason();
  const query = useQuery(webhookSecretsQuery);
  const [open, setOpen] = useState<Open>();
  const [overlap, setOverlap] = useState(DEFAULT_OVERLAP);
  const close = () => setOpen((now) => (now?.what === 'shown' ? now : undefined));
  const refresh = () => void client.invalidateQueries({ queryKey: webhookSecretsQuery.queryKey });
  const hasSecret = (query.data ?? []).length > 0;
  return (
    <Card withBorder component="section" aria-label={t('secrets')}>
      <Group justify="space-between" gap="sm" mb="sm">
        <Title order={2}>{t('secrets')}</Title>
        <Button
          size="xs"
          variant="default"
          disabled={offline !== undefined}
          title={offline}
          onClick={() => setOpen({ what: 'new' })}
        >
          {t('newSecret')}
        </Button>
      </Group>
      <QueryView query={query} errorTitle={t('secretsFailed')}>
        {(secrets) =>
          secrets.length === 0 ? (
            <p className={classes.quiet}>{t('noSecrets')}</p>
          ) : (
            <ul>
              {secrets.map((secret) => (
                <li key={secret.id} className={classes.secret}>
                  {secret.expires_at === null ? (
                    <StateBadge tone="ok" word={t('secretActive')} />
                  ) : (
                    <StateBadge tone="warning" word={t('secretExpiring', { time: dateTime(secret.expires_at) })} />
                  )}
                  <span className={classes.quiet}>{t('secretMade', { time: relative(secret.created_at) })}</span>
                  <Button
                    size="xs"
                    color="red"
                    variant="light"
                    disabled={offline !== undefined}
                    aria-label={t('endOne', { id: secret.id })}
                    onClick={() => setOpen({ what: 'end', secret })}
                  >
                    {t('endSecret')}
                  </Button>
                </li>
              ))}
            </ul>
          )
        }
      </QueryView>
      {open?.what === 'new' && (
        <ConfirmDialog
          opened
          onClose={close}
          title={t('newSecretTitle')}
          destroys={hasSecret ? [t('secretLoses')] : []}
          confirmLabel={t('secretDo')}
          onConfirm={async () => {
            const secret = await api(createSecret, { body: { expires_in_seconds: overlap } });
            refresh();
            setOpen({ what: 'shown', secret });
          }}
        >
          {hasSecret && <OverlapSelect label={t('overlap')} value={overlap} onChange={setOverlap} />}
        </ConfirmDialog>
      )}
      {open?.what === 'end' && (
        <ConfirmDialog
          opened
          onClose={close}
          title={t('endTitle')}
          destroys={[t('endLoses')]}
          confirmLabel={t('endDo')}
          onConfirm={async () => {
            await api(deleteSecret, { params: { id: open.secret.id } });
            refresh();
          }}
        />
      )}
      {open?.what === 'shown' && (
        <SecretDialog title={t('secretTitle')} secret={open.secret.secret} onClose={() => setOpen(undefined)} />
      )}
    </Card>
  );
}
