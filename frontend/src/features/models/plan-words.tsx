import { Button, Group, Stack } from '@mantine/core';
import { StateBadge } from '../../components/state-badge.tsx';
import type { DeviceMemory } from '../../lib/device-memory.ts';
import { deviceName } from '../../lib/device-name.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import type { Alternative, PlanLine } from './describe-plan.ts';
import { messages } from './messages.ts';

export interface PlanWordsProps {
  lines: readonly PlanLine[];
  memories: readonly DeviceMemory[];
  alternatives: readonly Alternative[];
  onChoose: (alternative: Alternative) => void;
}

/** `Fits GPU 2 (93 → 84 GB free)`, `Evicts htdemucs from GPU 5 (idle 14 min)`, or why not and what else. */
export function PlanWords({ lines, memories, alternatives, onChoose }: PlanWordsProps) {
  const t = useT(messages);
  const nameOf = (device: string) => deviceName(device, memories.find(({ id }) => id === device)?.index);
  const isRefused = lines.some(({ kind }) => kind === 'short' || kind === 'refused');
  return (
    <Stack gap="xs">
      <ul>
        {lines.map((line) => (
          <li key={`${line.kind} ${line.device} ${line.kind === 'evicts' ? line.model : ''}`}>
            <Group gap="sm" wrap="nowrap" align="flex-start">
              <StateBadge {...badgeOf(line, t)} />
              <span style={{ overflowWrap: 'anywhere' }}>
                <Line line={line} device={nameOf(line.device)} />
              </span>
            </Group>
          </li>
        ))}
      </ul>
      {isRefused && alternatives.length > 0 && (
        <Group gap="sm">
          <span>{t('instead')}</span>
          {alternatives.map((alternative) => {
            const label =
              alternative.kind === 'device'
                ? t('useDevice', { device: nameOf(alternative.device) })
                : t('usePrecision', { precision: alternative.precision });
            return (
              <Button key={label} size="compact-sm" variant="default" onClick={() => onChoose(alternative)}>
                {label}
              </Button>
            );
          })}
        </Group>
      )}
    </Stack>
  );
}

function Line({ line, device }: { line: PlanLine; device: string }) {
  const t = useT(messages);
  const { bytes, duration } = useFormat();
  switch (line.kind) {
    case 'there':
      return t('planThere', { device });
    case 'fits':
      return t('planFits', { device, before: bytes(line.beforeBytes), after: bytes(line.afterBytes) });
    case 'evicts':
      return t('planEvicts', { model: line.model, device, time: duration(line.idleSeconds) });
    case 'short': {
      const short = t('planShort', { device, bytes: bytes(line.bytes) });
      return line.holders.length === 0 ? short : `${short} ${t('planHolders', { models: line.holders.join(', ') })}`;
    }
    case 'refused':
      return line.message;
  }
}

function badgeOf({ kind }: PlanLine, t: ReturnType<typeof useT<typeof import('./messages.en.ts')['default']>>) {
  switch (kind) {
    case 'evicts':
      return { tone: 'warning', word: t('wordEvicts') } as const;
    case 'short':
    case 'refused':
      return { tone: 'error', word: t('wordNoFit') } as const;
    default:
      return { tone: 'ok', word: t('wordFits') } as const;
  }
}
