import type { Settings } from '@contract/settings.ts';
import { Button, Checkbox, Radio, Stack, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useBlocker } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../api/api.ts';
import { modelsQuery } from '../../api/models.ts';
import { settingsQuery, updateSettings } from '../../api/settings.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { AliasEditor } from './alias-editor.tsx';
import { HubTokenCard } from './hub-token-card.tsx';
import { messages } from './messages.ts';
import { SettingCard } from './setting-card.tsx';
import classes from './settings.module.css';
import {
  aliasRows,
  changedSettings,
  draftOf,
  draftProblems,
  type SettingName,
  type SettingsDraft,
  toPatch,
} from './settings-draft.ts';

export function SettingsPage() {
  const t = useT(messages);
  const query = useQuery(settingsQuery);
  return (
    <>
      <PageHeader title={t('title')} description={t('description')} />
      <div className={classes.page}>
        <HubTokenCard />
        <QueryView query={query} errorTitle={t('readFailed')}>
          {(settings) => <SettingsForm settings={settings} />}
        </QueryView>
      </div>
    </>
  );
}

function SettingsForm({ settings }: { settings: Settings }) {
  const t = useT(messages);
  const client = useQueryClient();
  const offline = useOfflineReason();
  const { data: models = [] } = useQuery(modelsQuery);
  /** undefined: nothing is being edited, the page shows what holds. */
  const [edited, setEdited] = useState<SettingsDraft>();
  const draft = edited ?? draftOf(settings);
  const changed = changedSettings(settings, draft);
  const problems = draftProblems(draft);
  const isDirty = changed.length > 0;
  const save = useMutation({
    mutationFn: () => api(updateSettings, { body: toPatch(settings, draft) }),
    onSuccess: (saved) => {
      client.setQueryData(settingsQuery.queryKey, saved);
      setEdited(undefined);
    },
  });
  const change = (fields: Partial<SettingsDraft>) => {
    save.reset();
    setEdited({ ...draft, ...fields });
  };
  const ids = models.map(({ id }) => id);
  const { aliases, preload, jobDays, uploadHours } = draft;
  const environment = {
    aliases: aliasRows(settings.aliases.default)
      .map(({ alias, model }) => `${alias} → ${model}`)
      .join(', '),
    preload:
      settings.preload_models.default === 'present' ? t('preloadPresent') : settings.preload_models.default.join(', '),
  };
  return (
    <>
      <SettingCard
        title={t('aliases')}
        note={t('aliasesNote')}
        environment={environment.aliases || t('nothing')}
        isSetHere={aliases !== null}
        onSetHere={(here) => change({ aliases: here ? aliasRows(settings.aliases.value) : null })}
      >
        <AliasEditor
          rows={aliases ?? []}
          models={ids}
          hasProblem={problems.has('aliases')}
          onChange={(rows) => change({ aliases: rows })}
        />
      </SettingCard>
      <SettingCard
        title={t('preload')}
        note={t('preloadNote')}
        environment={environment.preload || t('nothing')}
        isSetHere={preload !== null}
        onSetHere={(here) => change({ preload: here ? settings.preload_models.value : null })}
      >
        <Preload
          value={preload ?? []}
          models={[...new Set([...ids, ...(Array.isArray(preload) ? preload : [])])]}
          onChange={(value) => change({ preload: value })}
        />
      </SettingCard>
      <SettingCard
        title={t('jobDays')}
        note={t('jobDaysNote')}
        environment={t('dayCount', { count: settings.job_retention_days.default })}
        isSetHere={jobDays !== null}
        onSetHere={(here) => change({ jobDays: here ? String(settings.job_retention_days.value) : null })}
      >
        <Amount
          label={t('jobDays')}
          unit={t('days')}
          value={jobDays ?? ''}
          problem={problems.has('jobDays') ? t('daysWrong') : undefined}
          onChange={(value) => change({ jobDays: value })}
        />
      </SettingCard>
      <SettingCard
        title={t('uploadHours')}
        note={t('uploadHoursNote')}
        environment={t('hourCount', { count: settings.upload_retention_hours.default })}
        isSetHere={uploadHours !== null}
        onSetHere={(here) => change({ uploadHours: here ? String(settings.upload_retention_hours.value) : null })}
      >
        <Amount
          label={t('uploadHours')}
          unit={t('hours')}
          value={uploadHours ?? ''}
          problem={problems.has('uploadHours') ? t('hoursWrong') : undefined}
          onChange={(value) => change({ uploadHours: value })}
        />
      </SettingCard>
      {save.error !== null && <ErrorCard error={save.error} />}
      <div role="status">{save.isSuccess && !isDirty && <StateBadge tone="ok" word={t('saved')} />}</div>
      {isDirty && (
        <section className={classes.bar} aria-label={t('unsavedBar')}>
          <strong>{t('unsaved', { names: changed.map((name: SettingName) => t(name)).join(', ') })}</strong>
          <Button variant="default" onClick={() => setEdited(undefined)}>
            {t('discard')}
          </Button>
          <Button
            loading={save.isPending}
            disabled={problems.size > 0 || offline !== undefined}
            title={offline}
            onClick={() => save.mutate()}
          >
            {t('save')}
          </Button>
        </section>
      )}
      <LeaveDialog isDirty={isDirty} />
    </>
  );
}

function LeaveDialog({ isDirty }: { isDirty: boolean }) {
  const t = useT(messages);
  const blocker = useBlocker({ shouldBlockFn: () => isDirty, enableBeforeUnload: isDirty, withResolver: true });
  return (
    <ConfirmDialog
      opened={blocker.status === 'blocked'}
      onClose={() => blocker.reset?.()}
      title={t('leaveTitle')}
      destroys={[t('leaveLoses')]}
      confirmLabel={t('leaveDo')}
      onConfirm={async () => blocker.proceed?.()}
    />
  );
}

interface PreloadProps {
  value: 'present' | readonly string[];
  models: readonly string[];
  onChange: (value: 'present' | readonly string[]) => void;
}

function Preload({ value, models, onChange }: PreloadProps) {
  const t = useT(messages);
  const [isChoosing, setChoosing] = useState(value !== 'present' && value.length > 0);
  const chosen = value === 'present' ? [] : value;
  const mode = value === 'present' ? 'present' : isChoosing ? 'chosen' : 'none';
  return (
    <>
      <Radio.Group
        aria-label={t('preload')}
        value={mode}
        onChange={(next) => {
          setChoosing(next === 'chosen');
          onChange(next === 'present' ? 'present' : next === 'none' ? [] : chosen);
        }}
      >
        <Stack gap="sm">
          <Radio value="none" label={t('preloadNone')} />
          <Radio value="present" label={t('preloadPresent')} />
          <Radio value="chosen" label={t('preloadChosen')} />
        </Stack>
      </Radio.Group>
      {mode === 'chosen' && (
        <div className={classes.models}>
          {models.map((id) => (
            <Checkbox
              key={id}
              label={id}
              checked={chosen.includes(id)}
              onChange={() => onChange(chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id])}
            />
          ))}
        </div>
      )}
    </>
  );
}

interface AmountProps {
  label: string;
  unit: string;
  value: string;
  problem: string | undefined;
  onChange: (value: string) => void;
}

function Amount({ label, unit, value, problem, onChange }: AmountProps) {
  return (
    <div className={classes.amount}>
      <TextInput
        aria-label={`${label} (${unit})`}
        inputMode="numeric"
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        error={problem}
      />
      <span>{unit}</span>
    </div>
  );
}
