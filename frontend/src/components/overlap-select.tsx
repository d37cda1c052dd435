import { NativeSelect } from '@mantine/core';
import { useT } from '../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

const HOUR = 3_600;
const OVERLAPS = [
  { seconds: 0, text: 'overlapNone' },
  { seconds: HOUR, text: 'overlapHour' },
  { seconds: 24 * HOUR, text: 'overlapDay' },
  { seconds: 7 * 24 * HOUR, text: 'overlapWeek' },
] as const;

export const DEFAULT_OVERLAP = 24 * HOUR;

export interface OverlapSelectProps {
  label: string;
  /** Seconds. */
  value: number;
  onChange: (seconds: number) => void;
}

/** How long an old secret goes on beside the new one. */
export function OverlapSelect({ label, value, onChange }: OverlapSelectProps) {
  const t = useT(messages);
  return (
    <NativeSelect
      size="md"
      label={label}
      value={value}
      onChange={(event) => onChange(Number(event.currentTarget.value))}
      data={OVERLAPS.map(({ seconds, text }) => ({ value: String(seconds), label: t(text) }))}
    />
  );
}
