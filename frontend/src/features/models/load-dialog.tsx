/** Where a model shall live: devices with what is on them, options, and the plan in words before anything is done. */
import type { AdminModel } from '@contract/admin.ts';
import { Button, Group, NativeSelect, Stack, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useState } from 'react';
import { ApiError } from '../../api/api-error.ts';
import { gpusQuery } from '../../api/gpus.ts';
import { type LoadOrder, modelActions, planQuery, statusQuery } from '../../api/model-actions.ts';
import { modelsQuery } from '../../api/models.ts';
import { noteModel } from '../../api/note-model.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { Notice } from '../../components/notice.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { deviceMemories } from '../../lib/device-memory.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { isTyping, useShortcutsEnabled } from '../../lib/shortcuts.ts';
import { alternativesTo, bestDevice, describePlan } from './describe-plan.ts';
import { DevicePicker } from './device-picker.tsx';
import { messages } from './messages.ts';
import { ModelDialog } from './model-dialog.tsx';
import { PlanWords } from './plan-words.tsx';

const DEBOUNCE_MS = 150;
const KEEP_ALIVE = ['', '300', '1800', '3600', '86400', '-1'] as const;
const MAX_REPLICAS = 16;
const MAX_BATCH = 256;

export interface LoadDialogProps {
  model: AdminModel;
  onClose: () => void;
}

export default function LoadDialog(props: LoadDialogProps) {
  const t = useT(messages);
  return (
    <ModelDialog size="xl" title={t('loadTitle', { id: props.model.id })} onClose={props.onClose}>
      <LoadForm {...props} />
    </ModelDialog>
  );
}

function LoadForm({ model, onClose }: LoadDialogProps) {
  const t = useT(messages);
  const client = useQueryClient();
  const status = useQuery(statusQuery);
  const { data: gpus } = useQuery(gpusQuery);
  const { data: models = [] } = useQuery(modelsQuery);
  const offline = useOfflineReason();
  const [form, setForm] = useState(() => formOf(model));
  const set = (fields: Partial<Form>) => setForm((now) => ({ ...now, ...fields }));
  const memories = status.data === undefined ? [] : deviceMemories(status.data, gpus?.data ?? [], models);

  const order = orderOf(form);
  const [settled] = useDebouncedValue(order, DEBOUNCE_MS);
  const plan = useQuery(planQuery(model.id, settled));
  const isCurrent = JSON.stringify(settled) === JSON.stringify(order) && !plan.isPlaceholderData;
  const current = form.devices.length === 0 ? undefined : plan.data;

  const load = useMutation({
    mutationFn: () => modelActions.load(model.id, { ...order, plan_rev: current?.rev }),
    onSuccess: (changed) => {
      noteModel(client, changed);
      onClose();
    },
    onError: () => void client.invalidateQueries({ queryKey: ['plan'] }),
  });
  const isStale = load.error instanceof ApiError && load.error.code === 'stale_plan';

  const toggle = (device: string) => {
    load.reset();
    setForm((now) => {
      const isChosen = now.devices.includes(device);
      return { ...now, devices: isChosen ? now.devices.filter((id) => id !== device) : [...now.devices, device] };
    });
  };
  const chooseBest = () => {
    const best = bestDevice(memories);
    if (best !== undefined) set({ devices: [best] });
  };
  usePickerKeys((key) => {
    if (key === 'a' || key === 'A') chooseBest();
    const memory = memories.find(({ index }) => index !== null && String(index) === key);
    if (memory?.unavailable === null) toggle(memory.id);
  });

  const precision = form.precision ?? model.precision;
  const alternatives =
    current === undefined ? [] : alternativesTo(current, memories, model, { devices: form.devices, precision });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (current?.possible === true && isCurrent && offline === undefined) load.mutate();
      }}
    >
      <Stack gap="md">
        <Group justify="space-between" gap="sm">
          <p>{t('pickerHelp')}</p>
          <Button size="compact-sm" variant="default" data-autofocus onClick={chooseBest}>
            {t('automatic')}
          </Button>
        </Group>
        <QueryView query={status} errorTitle={t('devicesFailed')}>
          {() => (
            <DevicePicker
              model={model}
              memories={memories}
              gpus={gpus?.data ?? []}
              chosen={form.devices}
              plan={current}
              replicas={Number(form.replicas)}
              onToggle={toggle}
            />
          )}
        </QueryView>
        <Group gap="md" grow preventGrowOverflow={false}>
          <TextInput
            type="number"
            label={t('replicasPerDevice')}
            min={1}
            max={MAX_REPLICAS}
            required
            value={form.replicas}
            onChange={(event) => set({ replicas: event.currentTarget.value })}
          />
          {model.precisions.length > 0 && (
            <NativeSelect
              size="md"
              label={t('precision')}
              value={form.precision ?? ''}
              onChange={(event) => set({ precision: event.currentTarget.value || null })}
              data={[{ value: '', label: t('asNow', { value: model.precision ?? '–' }) }, ...model.precisions]}
            />
          )}
          <NativeSelect
            size="md"
            label={t('keepAlive')}
            value={form.keepAlive}
            onChange={(event) => set({ keepAlive: event.currentTarget.value })}
            data={keepAliveChoices(form.keepAlive).map((value) => ({
              value,
              label: t(keepAliveText(value), { value }),
            }))}
          />
          <TextInput
            type="number"
            label={t('maxBatch')}
            placeholder={t('asModel')}
            min={1}
            max={MAX_BATCH}
            value={form.maxBatch}
            onChange={(event) => set({ maxBatch: event.currentTarget.value })}
          />
        </Group>
        {isStale && <Notice tone="warning" title={t('planChanged')} />}
        {load.error !== null && !isStale && <ErrorCard error={load.error} title={t('loadFailed')} />}
        <div aria-live="polite" aria-busy={!isCurrent}>
          {form.devices.length === 0 ? (
            <p>{t('noDeviceChosen')}</p>
          ) : plan.error !== null ? (
            <ErrorCard error={plan.error} onRetry={() => void plan.refetch()} />
          ) : (
            current !== undefined && (
              <PlanWords
                lines={describePlan(current, memories, models, Date.now() / 1000)}
                memories={memories}
                alternatives={alternatives}
                onChoose={(alternative) =>
                  set(
                    alternative.kind === 'device'
                      ? { devices: [alternative.device] }
                      : { precision: alternative.precision },
                  )
                }
              />
            )
          )}
        </div>
        <Group justify="flex-end" gap="sm" style={STICKY}>
          <Button variant="default" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button
            type="submit"
            loading={load.isPending}
            disabled={current?.possible !== true || !isCurrent || offline !== undefined}
            title={offline}
          >
            {t('loadNow')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** On a phone the action stays in sight. */
const STICKY = { position: 'sticky', bottom: 0, padding: '8px 0', background: 'var(--mantine-color-body)' } as const;

interface Form {
  devices: string[];
  replicas: string;
  precision: string | null;
  /** Seconds; '' as the server is configured. */
  keepAlive: string;
  maxBatch: string;
}

function formOf({ placement, replicas }: AdminModel): Form {
  const live = replicas.filter(({ state }) => state === 'ready' || state === 'starting');
  return {
    devices: placement?.devices ?? [...new Set(live.map(({ device }) => device))],
    replicas: String(placement?.replicas_per_device ?? 1),
    precision: placement?.precision ?? null,
    keepAlive: placement?.keep_alive_seconds == null ? '' : String(placement.keep_alive_seconds),
    maxBatch: placement?.max_batch == null ? '' : String(placement.max_batch),
  };
}

function orderOf({ devices, replicas, precision, keepAlive, maxBatch }: Form): LoadOrder {
  return {
    gpu_device_ids: devices,
    replicas_per_gpu: Math.min(MAX_REPLICAS, Math.max(1, Math.floor(Number(replicas)) || 1)),
    precision,
    keep_alive: keepAlive === '' ? null : Number(keepAlive),
    max_batch: maxBatch === '' ? null : Math.min(MAX_BATCH, Math.max(1, Math.floor(Number(maxBatch)) || 1)),
  };
}

function keepAliveChoices(value: string): string[] {
  return (KEEP_ALIVE as readonly string[]).includes(value) ? [...KEEP_ALIVE] : [...KEEP_ALIVE, value];
}

function keepAliveText(value: string) {
  switch (value) {
    case '':
      return 'keepAliveDefault';
    case '300':
      return 'keepAlive5m';
    case '1800':
      return 'keepAlive30m';
    case '3600':
      return 'keepAlive1h';
    case '86400':
      return 'keepAlive1d';
    case '-1':
      return 'keepAliveEver';
    default:
      return 'keepAliveSeconds';
  }
}

/** Digits choose GPUs, A the best one; the page's own shortcuts rest while a dialog is open. */
function usePickerKeys(onKey: (key: string) => void): void {
  const enabled = useShortcutsEnabled();
  const handle = useEffectEvent((event: KeyboardEvent) => {
    if (!enabled || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    onKey(event.key);
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => handle(event);
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, []);
}
