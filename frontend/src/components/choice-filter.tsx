import { NativeSelect } from '@mantine/core';

export interface ChoiceFilterProps {
  label: string;
  /** Nothing chosen: `Any state`. */
  any: string;
  value: string | undefined;
  choices: readonly { value: string; label: string }[];
  onChange: (value: string | undefined) => void;
}

/** One of a few values that a list is filtered by. A value that is no choice (from the URL) stays in sight. */
export function ChoiceFilter({ label, any, value, choices, onChange }: ChoiceFilterProps) {
  const isKnown = value === undefined || choices.some((choice) => choice.value === value);
  return (
    <NativeSelect
      size="md"
      aria-label={label}
      value={value ?? ''}
      onChange={(event) => onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
      data={[{ value: '', label: any }, ...choices, ...(isKnown ? [] : [{ value, label: value }])]}
    />
  );
}
