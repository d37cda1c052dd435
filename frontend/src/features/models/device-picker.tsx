import type { AdminModel } from '@contract/admin.ts';
import type { Gpu } from '@contract/gpus.ts';
import type { PlacementPlan } from '@contract/placement.ts';
import { Checkbox } from '@mantine/core';
import { MemoryBar } from '../../components/memory-bar.tsx';
import { type DeviceMemory, seriesOf } from '../../lib/device-memory.ts';
import { deviceName, shortUuid } from '../../lib/device-name.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './device-picker.module.css';
import { messages } from './messages.ts';

export interface DevicePickerProps {
  model: AdminModel;
  memories: readonly DeviceMemory[];
  gpus: readonly Gpu[];
  chosen: readonly string[];
  plan: PlacementPlan | undefined;
  /** On each device. */
  replicas: number;
  onToggle: (device: string) => void;
}

/** A row for each device: who holds its memory, what this model would add, and what is free before and after. */
export function DevicePicker({ model, memories, gpus, chosen, plan, replicas, onToggle }: DevicePickerProps) {
  const t = useT(messages);
  const color = seriesOf(memories);
  return (
    <fieldset className={classes.devices}>
      <legend className={classes.legend}>{t('devices')}</legend>
      {memories.map((memory) => (
        <DeviceRow
          key={memory.id}
          memory={memory}
          gpuName={gpus.find(({ uuid }) => uuid === memory.id)?.name}
          isChosen={chosen.includes(memory.id)}
          placement={plan?.placements.find(({ device }) => device === memory.id)}
          expectedBytes={expectedBytes(model) * replicas}
          color={color}
          onToggle={() => onToggle(memory.id)}
        />
      ))}
      {memories.length === 0 && <p>{t('noDevices')}</p>}
    </fieldset>
  );
}

interface DeviceRowProps {
  memory: DeviceMemory;
  gpuName: string | undefined;
  isChosen: boolean;
  placement: PlacementPlan['placements'][number] | undefined;
  expectedBytes: number;
  color: (model: string) => string;
  onToggle: () => void;
}

function DeviceRow({ memory, gpuName, isChosen, placement, expectedBytes, color, onToggle }: DeviceRowProps) {
  const t = useT(messages);
  const { bytes } = useFormat();
  const { id, index, held, otherBytes, totalBytes, freeBytes, unavailable } = memory;
  const leaving = placement?.evictions ?? [];
  const isAdded = isChosen && placement !== undefined && placement.replicas > 0;
  const free = isAdded
    ? t('freeBeforeAfter', { before: bytes(freeBytes), after: bytes(placement.free_bytes_after) })
    : t('free', { bytes: bytes(freeBytes) });
  return (
    <div className={classes.device} data-chosen={isChosen} data-device={deviceName(id, index)}>
      <Checkbox
        checked={isChosen}
        disabled={unavailable !== null}
        onChange={onToggle}
        label={deviceName(id, index)}
        description={index === null ? undefined : `${gpuName ?? ''} ${shortUuid(id)}`}
      />
      <div className={classes.memory}>
        <MemoryBar
          parts={held.map(({ replica, model, bytes: size }) => ({
            key: replica.id,
            name: model,
            bytes: size,
            color: color(model),
            isLeaving: leaving.includes(replica.id),
          }))}
          otherBytes={otherBytes}
          totalBytes={totalBytes}
          ghostBytes={isAdded ? expectedBytes : 0}
        />
        <p className={classes.holders}>
          {unavailable ??
            [
              ...held.map(({ model, bytes: size }) => `${model} ${bytes(size)}`),
              ...(otherBytes >= TOLD_BYTES && index !== null ? [t('others', { bytes: bytes(otherBytes) })] : []),
            ].join(' · ')}
        </p>
      </div>
      <span className={classes.free}>{free}</span>
    </div>
  );
}

/** Less is the driver's own. */
const TOLD_BYTES = 50e6;

/** Measured, where one of its replicas was. */
function expectedBytes({ replicas, memory_estimate_bytes }: AdminModel): number {
  return replicas.find(({ bytes_are_measured }) => bytes_are_measured)?.expected_bytes ?? memory_estimate_bytes;
}
