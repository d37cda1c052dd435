import type { WebhookDeliveryDetail } from '@contract/webhooks.ts';
import { Button, Card, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useRole } from '../../api/session.ts';
import { actOnDelivery, deliveryQuery, refreshWebhooks } from '../../api/webhooks.ts';
import { CodeBlock } from '../../components/code-block.tsx';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { useOfflineReason } from '../../components/data-age.tsx';
import { Facts } from '../../components/facts.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { DeliveryStatusBadge } from './delivery-status.tsx';
import { KeyName } from './key-name.tsx';
import { messages } from './messages.ts';
import { SignatureCheck } from './signature-check.tsx';
import classes from './webhooks.module.css';

const route = getRouteApi('/webhooks/$id');

/** One delivery: what was sent where, and what became of it. */
export function WebhookPage() {
  const t = useT(messages);
  const { id } = route.useParams();
  const client = useQueryClient();
  const offline = useOfflineReason();
  const role = useRole();
  const query = useQuery(deliveryQuery(role, id));
  const [asked, setAsked] = useState<'replay' | 'cancel'>();
  const close = () => setAsked(undefined);
  const delivery = query.data;
  return (
    <>
      <PageHeader
        title={t('webhookTitle')}
        description={
          <>
            <code>{id}</code> <CopyButton value={id} /> <Link to="/webhooks">{t('all')}</Link>
          </>
        }
        actions={
          delivery !== undefined && (
            <>
              {delivery.status === 'pending' && (
                <Button variant="default" disabled={offline !== undefined} onClick={() => setAsked('cancel')}>
                  {t('cancel')}
                </Button>
              )}
              <Button disabled={offline !== undefined} title={offline} onClick={() => setAsked('replay')}>
                {t('replay')}
              </Button>
            </>
          )
        }
      />
      <QueryView query={query} errorTitle={t('readOneFailed')}>
        {(found) => <Delivery delivery={found} />}
      </QueryView>
      {asked === 'replay' && delivery !== undefined && (
        <ConfirmDialog
          opened
          onClose={close}
          title={t('replayTitle')}
          destroys={[]}
          confirmLabel={t('replayDo')}
          onConfirm={async () => {
            await actOnDelivery(role, id, 'replay');
            refreshWebhooks(client);
          }}
        >
          <p>{t('replayNote', { url: delivery.url })}</p>
        </ConfirmDialog>
      )}
      {asked === 'cancel' && (
        <ConfirmDialog
          opened
          onClose={close}
          title={t('cancelTitle')}
          destroys={[t('cancelLoses')]}
          confirmLabel={t('cancelDo')}
          onConfirm={async () => {
            await actOnDelivery(role, id, 'cancel');
            refreshWebhooks(client);
          }}
        />
      )}
    </>
  );
}

function Delivery({ delivery }: { delivery: WebhookDeliveryDetail }) {
  const t = useT(messages);
  const { dateTime } = useFormat();
  const { status, url, type, job_id, attempts, last_status, last_error, next_attempt_at, delivered_at } = delivery;
  return (
    <div className={classes.columns}>
      <Card withBorder component="section" aria-label={t('delivery')}>
        <Title order={2} mb="sm">
          {t('delivery')}
        </Title>
        <Facts
          facts={[
            [t('status'), <DeliveryStatusBadge key="status" status={status} />],
            [t('event'), type],
            [t('to'), url],
            [t('key'), <KeyName key="key" id={delivery.owner} />],
            [
              t('job'),
              <Link key="job" to="/jobs/$id" params={{ id: job_id }}>
                {job_id}
              </Link>,
            ],
            [t('attempts'), attempts],
            [t('last'), `${last_status ?? t('noAnswer')}${last_error === null ? '' : ` · ${last_error}`}`],
            next_attempt_at !== null && [t('next'), dateTime(next_attempt_at)],
            [t('created'), dateTime(delivery.created_at)],
            delivered_at !== null && [t('deliveredAt'), dateTime(delivered_at)],
          ]}
        />
      </Card>
      <Card withBorder component="section" aria-label={t('payload')}>
        <Title order={2} mb="sm">
          {t('payload')}
        </Title>
        <p className={classes.quiet}>{t('payloadNote')}</p>
        <CodeBlock>{delivery.payload}</CodeBlock>
        <Title order={2} my="sm">
          {t('verify')}
        </Title>
        <SignatureCheck />
      </Card>
    </div>
  );
}
