import type { AdminModel } from '@contract/admin.ts';
import type { ModelPreflight } from '@contract/model-admin.ts';
import { Anchor, Button, Code, Group, NativeSelect, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, lazy, Suspense, useState } from 'react';
import { modelActions, registerModel } from '../../api/model-actions.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { Notice } from '../../components/notice.tsx';
import { ScrollRegion } from '../../components/scroll-region.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { isUnconfirmed, LICENSE_TEXTS, licenseKind } from './license-kind.ts';
import { messages } from './messages.ts';
import classes from './models.module.css';
import { settingValue, suggestedId } from './new-model.ts';

const ConfirmLicenseDialog = lazy(() => import('./confirm-license-dialog.tsx'));

export interface PreflightResultProps {
  result: ModelPreflight;
  /** Another family is to take it. */
  onFamily: (family: string) => void;
}

export function PreflightResult({ result, onFamily }: PreflightResultProps) {
  const t = useT(messages);
  const { bytes } = useFormat();
  // Whether another one is known to be free is for the server to say, once the model is there.
  const kind = licenseKind(result.license);
  return (
    <section className={classes.section} aria-label={result.repo}>
      <Group gap="sm">
        <h2>{result.repo}</h2>
        {result.supported ? (
          <StateBadge tone="ok" word={t('supported')} />
        ) : (
          <StateBadge tone="error" word={t('notSupported')} />
        )}
        {result.gated !== null && <StateBadge tone="gated" word={t('gated')} />}
      </Group>
      {result.reason !== null && (
        <Notice tone="warning" title={t('cannotAdd')}>
          <p>{result.reason}</p>
        </Notice>
      )}
      {!result.accessible && (
        <Notice tone="warning" title={t('notAccessible')}>
          <p>
            {t('notAccessibleBody')}{' '}
            <Anchor component={Link} to="/settings">
              {t('toSettings')}
            </Anchor>
          </p>
        </Notice>
      )}
      {!result.fits && (
        <Notice tone="error" title={t('diskShort')}>
          <p>{t('diskShortBody', { free: bytes(result.free_bytes), needed: bytes(result.missing_bytes) })}</p>
        </Notice>
      )}
      <dl className={classes.facts}>
        <dt>{t('revision')}</dt>
        <dd>
          {result.revision} <Code>{result.commit.slice(0, 12)}</Code>
        </dd>
        <dt>{t('licence')}</dt>
        <dd>
          {result.license ?? t('licenceUnknown')}
          {kind !== 'other' && (
            <p className={classes.quiet}>
              {t(LICENSE_TEXTS[kind])} {t('licenceAsked')}
            </p>
          )}
        </dd>
        <dt>{t('toFetch')}</dt>
        <dd>{t('ofTotal', { done: bytes(result.missing_bytes), total: bytes(result.total_bytes) })}</dd>
        <dt>{t('diskAfter')}</dt>
        <dd>{result.free_bytes_after < 0 ? '–' : bytes(result.free_bytes_after)}</dd>
        {result.task !== null && (
          <>
            <dt>{t('task')}</dt>
            <dd>{result.task}</dd>
          </>
        )}
        {result.models.length > 0 && (
          <>
            <dt>{t('alreadyHere')}</dt>
            <dd>
              {result.models.map((id) => (
                <Anchor key={id} component={Link} to="/models/$id" params={{ id } as never} me="sm">
                  {id}
                </Anchor>
              ))}
            </dd>
          </>
        )}
      </dl>
      <details>
        <summary>{t('filesCount', { count: result.files.length })}</summary>
        <ScrollRegion className={classes.scroll} label={t('files')}>
          <table className={classes.files}>
            <tbody>
              {result.files.map(({ repo, path, bytes: size }) => (
                <tr key={`${repo} ${path}`}>
                  <td>{repo === result.repo ? path : `${repo}: ${path}`}</td>
                  <td>{bytes(size)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollRegion>
      </details>
      <AddForm result={result} onFamily={onFamily} />
    </section>
  );
}

function AddForm({ result, onFamily }: PreflightResultProps) {
  const t = useT(messages);
  const { bytes } = useFormat();
  const navigate = useNavigate();
  const offline = useOfflineReason();
  const families = result.candidates.filter(({ supported, param }) => supported || param !== null);
  const [id, setId] = useState(() => suggestedId(result.repo));
  const [family, setFamily] = useState(result.family ?? families[0]?.family ?? '');
  const [setting, setSetting] = useState('');
  const param = families.find((each) => each.family === family)?.param ?? null;
  // Once it is there, a download that cannot begin shows its reason on the model's own page.
  const download = (model: AdminModel) => modelActions.download(model.id).catch(() => undefined);
  const show = (model: AdminModel) => void navigate({ to: '/models/$id', params: { id: model.id } as never });
  const add = useMutation({
    mutationFn: async () => {
      const { repo, revision } = result;
      const settings = {
        ...(result.license !== null && { license: result.license }),
        ...(param !== null && { [param.replace(/^settings\./, '')]: settingValue(setting) }),
      };
      const model = await registerModel({ id, repo, revision, family, settings });
      if (!isUnconfirmed(model)) await download(model);
      return model;
    },
    onSuccess: (model) => {
      if (!isUnconfirmed(model)) show(model);
    },
  });
  if (families.length === 0) return null;
  const canAdd = result.fits && offline === undefined && (result.supported || param !== null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (canAdd) add.mutate();
  };
  return (
    <>
      <form onSubmit={submit}>
        <Stack gap="sm" maw={560}>
          {families.length > 1 && (
            <NativeSelect
              size="md"
              label={t('family')}
              value={family}
              onChange={(event) => {
                setFamily(event.currentTarget.value);
                onFamily(event.currentTarget.value);
              }}
              data={families.map((each) => ({ value: each.family, label: `${each.family} (${each.task})` }))}
            />
          )}
          <TextInput
            label={t('modelId')}
            description={t('modelIdHelp')}
            required
            autoComplete="off"
            spellCheck={false}
            value={id}
            onChange={(event) => setId(event.currentTarget.value)}
          />
          {param !== null && (
            <TextInput
              label={t('settingNeeded', { name: param })}
              required
              autoComplete="off"
              value={setting}
              onChange={(event) => setSetting(event.currentTarget.value)}
            />
          )}
          {add.error !== null && <ErrorCard error={add.error} title={t('addFailed')} />}
          <Group>
            <Button type="submit" loading={add.isPending} disabled={!canAdd} title={offline}>
              {result.supported ? t('addAndDownload', { bytes: bytes(result.missing_bytes) }) : t('add')}
            </Button>
          </Group>
        </Stack>
      </form>
      {add.data !== undefined && isUnconfirmed(add.data) && (
        <Suspense>
          <ConfirmLicenseDialog
            model={add.data}
            onClose={() => show(add.data)}
            onConfirmed={() => download(add.data)}
          />
        </Suspense>
      )}
    </>
  );
}
