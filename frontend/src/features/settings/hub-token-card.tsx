import type { TestedHubToken } from '@contract/model-admin.ts';
import { Button, Card, Group, PasswordInput, Stack, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api } from '../../api/api.ts';
import { deleteHubToken, hubTokenQuery, setHubToken, testHubToken } from '../../api/settings.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './settings.module.css';

const MIN_LENGTH = 8;
const SOURCES = { file: 'tokenFile', environment: 'tokenEnvironment' } as const;

/** The token is written and tested, never shown. */
export function HubTokenCard() {
  const t = useT(messages);
  const client = useQueryClient();
  const offline = useOfflineReason();
  const query = useQuery(hubTokenQuery);
  const [token, setToken] = useState('');
  const [isRemoving, setRemoving] = useState(false);
  const typed = token.trim();
  const refresh = () => void client.invalidateQueries({ queryKey: hubTokenQuery.queryKey });
  const test = useMutation({ mutationFn: () => api(testHubToken, { body: typed === '' ? {} : { token: typed } }) });
  const store = useMutation({
    mutationFn: () => api(setHubToken, { body: { token: typed } }),
    onSuccess: () => {
      setToken('');
      test.reset();
      refresh();
    },
  });
  const error = test.error ?? store.error;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typed.length >= MIN_LENGTH && !store.isPending) store.mutate();
  };
  return (
    <Card withBorder component="section" aria-label={t('token')}>
      <Title order={2} mb="sm">
        {t('token')}
      </Title>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <p className={classes.quiet}>{t('tokenNote')}</p>
          <QueryView query={query} errorTitle={t('tokenFailed')}>
            {({ present, source }) => (
              <Group gap="sm">
                <StateBadge
                  tone={present ? 'ok' : 'idle'}
                  word={source === null ? t('tokenNone') : t(SOURCES[source])}
                />
                {present && (
                  <Button
                    size="xs"
                    variant="default"
                    loading={test.isPending && typed === ''}
                    disabled={offline !== undefined || typed !== ''}
                    onClick={() => test.mutate()}
                  >
                    {t('testUsed')}
                  </Button>
                )}
                {source === 'file' && (
                  <Button
                    size="xs"
                    color="red"
                    variant="light"
                    disabled={offline !== undefined}
                    onClick={() => setRemoving(true)}
                  >
                    {t('remove')}
                  </Button>
                )}
              </Group>
            )}
          </QueryView>
          <PasswordInput
            size="md"
            label={t('tokenField')}
            description={t('tokenHint')}
            value={token}
            onChange={(event) => {
              setToken(event.currentTarget.value);
              test.reset();
              store.reset();
            }}
            autoComplete="off"
          />
          <Group gap="sm">
            <Button
              variant="default"
              loading={test.isPending && typed !== ''}
              disabled={offline !== undefined || typed.length < MIN_LENGTH}
              title={offline}
              onClick={() => test.mutate()}
            >
              {t('test')}
            </Button>
            <Button
              type="submit"
              loading={store.isPending}
              disabled={offline !== undefined || typed.length < MIN_LENGTH}
              title={offline}
            >
              {t('store')}
            </Button>
          </Group>
          <div role="status">
            {test.data !== undefined && <Verdict tested={test.data} />}
            {store.isSuccess && <StateBadge tone="ok" word={t('tokenStored')} />}
          </div>
          {error !== null && <ErrorCard error={error} />}
        </Stack>
      </form>
      <ConfirmDialog
        opened={isRemoving}
        onClose={() => setRemoving(false)}
        title={t('removeTitle')}
        destroys={[t('removeLoses')]}
        confirmLabel={t('removeDo')}
        onConfirm={async () => {
          await api(deleteHubToken, {});
          refresh();
        }}
      />
    </Card>
  );
}

function Verdict({ tested: { valid, user } }: { tested: TestedHubToken }) {
  const t = useT(messages);
  if (valid === null) return <StateBadge tone="warning" word={t('tokenUntested')} />;
  if (!valid) return <StateBadge tone="error" word={t('tokenInvalid')} />;
  return <StateBadge tone="ok" word={user === null ? t('tokenValidUnknown') : t('tokenValid', { user })} />;
}
