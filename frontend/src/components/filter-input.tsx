import { CloseButton, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useEffectEvent, useState } from 'react';
import { useT } from '../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

const SETTLED_MS = 250;

export interface FilterInputProps {
  label: string;
  /** From the URL. */
  value: string | undefined;
  /** When typing has paused; for `navigate({ search, replace: true })`. */
  onChange: (value: string | undefined) => void;
}

/** What a list is filtered by, in the URL; `/` leads here. */
export function FilterInput({ label, value = '', onChange }: FilterInputProps) {
  const t = useT(messages);
  const [draft, setDraft] = useState(value);
  const [known, setKnown] = useState(value);
  // The URL changed by other means: a chip, the Back button.
  if (known !== value) {
    setKnown(value);
    setDraft(value);
  }
  const settle = useEffectEvent((settled: string) => {
    if (settled !== value) onChange(settled === '' ? undefined : settled);
  });
  // Each key stroke begins the pause anew.
  useEffect(() => {
    const timer = setTimeout(() => settle(draft), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [draft]);
  return (
    <TextInput
      type="search"
      data-filter
      aria-label={label}
      placeholder={label}
      value={draft}
      onChange={(event) => setDraft(event.currentTarget.value)}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={
        draft === '' ? null : <CloseButton size="sm" aria-label={t('clearFilter')} onClick={() => setDraft('')} />
      }
    />
  );
}
