import { type ApiKey, type ApiKeyWithSecret, KEY_TASKS } from '@contract/keys.ts';
import { Button, Checkbox, Group, Modal, Radio, Stack, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api } from '../../api/api.ts';
import { createKey, refreshKeys, updateKey } from '../../api/keys.ts';
import { modelsQuery } from '../../api/models.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { type DraftField, draftOf, draftProblems, type KeyDraft, NEW_KEY, toRequest } from './key-draft.ts';
import { KeyFacts } from './key-facts.tsx';
import classes from './keys.module.css';
import { messages } from './messages.ts';

export interface KeyWizardProps {
  /** One to change; left out: a new one. */
  existing?: ApiKey | undefined;
  onCreated: (key: ApiKeyWithSecret) => void;
  onClose: () => void;
}

const STEPS = ['name', 'scopes', 'limits', 'summary'] as const;
const FIELDS: Record<(typeof STEPS)[number], readonly DraftField[]> = {
  name: ['name'],
  scopes: ['tasks', 'models'],
  limits: ['requestsPerMinute', 'concurrentJobs', 'minutesPerDay', 'minutesPerMonth', 'expiresOn', 'webhookUrl'],
  summary: [],
};

/** Name, scopes, limits, summary; Enter goes on. */
export function KeyWizard({ existing, onCreated, onClose }: KeyWizardProps) {
  const t = useT(messages);
  const client = useQueryClient();
  const offline = useOfflineReason();
  const [draft, setDraft] = useState<KeyDraft>(existing === undefined ? NEW_KEY : draftOf(existing));
  const [step, setStep] = useState(0);
  const [isChecked, setChecked] = useState(false);
  const name = STEPS[step] ?? 'summary';
  const change = (fields: Partial<KeyDraft>) => setDraft((before) => ({ ...before, ...fields }));
  const problems = draftProblems(draft, Date.now() / 1000);
  const shown: ReadonlySet<DraftField> = isChecked ? problems : new Set();

  const save = useMutation({
    mutationFn: async () => {
      const body = toRequest(draft);
      if (existing === undefined) onCreated(await api(createKey, { body }));
      else await api(updateKey, { params: { id: existing.id }, body });
    },
    onSuccess: () => {
      void refreshKeys(client);
      onClose();
    },
  });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (FIELDS[name].some((field) => problems.has(field))) {
      setChecked(true);
      return;
    }
    setChecked(false);
    if (name !== 'summary') setStep(step + 1);
    else if (!save.isPending) save.mutate();
  };

  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={existing === undefined ? t('createTitle') : t('editTitle', { name: existing.name })}
      closeButtonProps={{ 'aria-label': t('close') }}
      closeOnClickOutside={false}
    >
      <form onSubmit={submit} noValidate>
        <ol className={classes.steps} aria-hidden>
          {STEPS.map((each, index) => (
            <li key={each} data-done={index <= step} />
          ))}
        </ol>
        <Stack gap="md">
          <h3>{t('step', { step: step + 1, steps: STEPS.length, name: t(name) })}</h3>
          {name === 'name' && (
            <TextInput
              label={t('name')}
              description={t('nameHint')}
              value={draft.name}
              onChange={(event) => change({ name: event.currentTarget.value })}
              error={shown.has('name') && t('nameWrong')}
              data-autofocus
              autoComplete="off"
            />
          )}
          {name === 'scopes' && <Scopes draft={draft} change={change} shown={shown} />}
          {name === 'limits' && <Limits draft={draft} change={change} shown={shown} />}
          {name === 'summary' && <KeyFacts draft={draft} />}
          {save.error !== null && <ErrorCard error={save.error} />}
          <Group justify="space-between" gap="sm">
            <Button variant="default" onClick={step === 0 ? onClose : () => setStep(step - 1)}>
              {step === 0 ? t('cancel') : t('back')}
            </Button>
            <Button
              type="submit"
              loading={save.isPending}
              disabled={name === 'summary' && offline !== undefined}
              title={name === 'summary' ? offline : undefined}
            >
              {name !== 'summary' ? t('next') : existing === undefined ? t('create') : t('save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

interface PartProps {
  draft: KeyDraft;
  change: (fields: Partial<KeyDraft>) => void;
  shown: ReadonlySet<DraftField>;
}

function Scopes({ draft, change, shown }: PartProps) {
  const t = useT(messages);
  const models = useQuery(modelsQuery);
  const { tasks, models: chosen } = draft;
  const ids = [...new Set([...(models.data ?? []).map(({ id }) => id), ...(chosen ?? [])])];
  return (
    <>
      <Radio.Group
        label={t('role')}
        value={draft.admin ? 'admin' : 'user'}
        onChange={(value) => change({ admin: value === 'admin' })}
      >
        <Stack gap="sm" mt="xs">
          <Radio value="user" label={t('roleUser')} description={t('roleUserHint')} />
          <Radio value="admin" label={t('roleAdmin')} description={t('roleAdminHint')} />
        </Stack>
      </Radio.Group>
      <Radio.Group
        label={t('tasks')}
        value={tasks === null ? 'all' : 'chosen'}
        onChange={(value) => change({ tasks: value === 'all' ? null : [...KEY_TASKS] })}
        error={shown.has('tasks') && t('tasksWrong')}
      >
        <Group gap="md" mt="xs">
          <Radio value="all" label={t('allTasks')} />
          <Radio value="chosen" label={t('chosenTasks')} />
        </Group>
      </Radio.Group>
      {tasks !== null && (
        <Stack gap="sm">
          {KEY_TASKS.map((task) => (
            <Checkbox
              key={task}
              label={t(task)}
              description={t(`${task}Hint`)}
              checked={tasks.includes(task)}
              onChange={() => change({ tasks: toggled(tasks, task) })}
            />
          ))}
        </Stack>
      )}
      <Radio.Group
        label={t('models')}
        value={chosen === null ? 'all' : 'chosen'}
        onChange={(value) => change({ models: value === 'all' ? null : [] })}
        error={shown.has('models') && t('modelsWrong')}
      >
        <Group gap="md" mt="xs">
          <Radio value="all" label={t('allModels')} />
          <Radio value="chosen" label={t('chosenModels')} />
        </Group>
      </Radio.Group>
      {chosen !== null && models.error !== null && <ErrorCard error={models.error} title={t('modelsUnread')} />}
      {chosen !== null && ids.length > 0 && (
        <div className={classes.models}>
          {ids.map((id) => (
            <Checkbox
              key={id}
              label={id}
              checked={chosen.includes(id)}
              onChange={() => change({ models: toggled(chosen, id) })}
            />
          ))}
        </div>
      )}
    </>
  );
}

function Limits({ draft, change, shown }: PartProps) {
  const t = useT(messages);
  const number = (field: 'requestsPerMinute' | 'concurrentJobs' | 'minutesPerDay' | 'minutesPerMonth') => (
    <TextInput
      label={t(field)}
      description={t('limitHint')}
      inputMode="numeric"
      value={draft[field]}
      onChange={(event) => change({ [field]: event.currentTarget.value })}
      error={shown.has(field) && t(field.startsWith('minutes') ? 'minutesWrong' : 'limitWrong')}
      autoComplete="off"
    />
  );
  return (
    <>
      {number('requestsPerMinute')}
      {number('concurrentJobs')}
      {number('minutesPerDay')}
      {number('minutesPerMonth')}
      <TextInput
        type="date"
        label={t('expiresOn')}
        description={t('expiresHint')}
        value={draft.expiresOn}
        onChange={(event) => change({ expiresOn: event.currentTarget.value })}
        error={shown.has('expiresOn') && t('expiresWrong')}
      />
      <TextInput
        type="url"
        label={t('webhookUrl')}
        description={t('webhookHint')}
        value={draft.webhookUrl}
        onChange={(event) => change({ webhookUrl: event.currentTarget.value })}
        error={shown.has('webhookUrl') && t('webhookWrong')}
        autoComplete="off"
      />
    </>
  );
}

function toggled<T>(list: readonly T[], item: T): T[] {
  return list.includes(item) ? list.filter((each) => each !== item) : [...list, item];
}
