import { ActionIcon, Button, NativeSelect, TextInput } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './settings.module.css';
import type { AliasRow } from './settings-draft.ts';

/** The transcription model that the server takes where none is named. */
const AUTO = 'auto';

export interface AliasEditorProps {
  rows: readonly AliasRow[];
  models: readonly string[];
  hasProblem: boolean;
  onChange: (rows: readonly AliasRow[]) => void;
}

export function AliasEditor({ rows, models, hasProblem, onChange }: AliasEditorProps) {
  const t = useT(messages);
  const change = (index: number, fields: Partial<AliasRow>) =>
    onChange(rows.map((row, at) => (at === index ? { ...row, ...fields } : row)));
  return (
    <>
      {rows.map(({ alias, model }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place until it is saved
        <div key={index} className={classes.alias}>
          <TextInput
            aria-label={t('aliasNumber', { number: index + 1 })}
            placeholder={t('alias')}
            value={alias}
            onChange={(event) => change(index, { alias: event.currentTarget.value })}
            autoComplete="off"
            spellCheck={false}
          />
          <NativeSelect
            size="md"
            aria-label={t('modelNumber', { number: index + 1 })}
            value={model}
            onChange={(event) => change(index, { model: event.currentTarget.value })}
            data={[
              { value: '', label: t('chooseModel') },
              { value: AUTO, label: t('autoModel') },
              ...new Set([...models, ...(model === '' || model === AUTO ? [] : [model])]),
            ]}
          />
          <ActionIcon
            aria-label={t('removeAlias', { name: alias === '' ? index + 1 : alias })}
            onClick={() => onChange(rows.filter((_, at) => at !== index))}
          >
            <IconTrash size={18} aria-hidden />
          </ActionIcon>
        </div>
      ))}
      {hasProblem && <p style={{ color: 'var(--agw-error)' }}>{t('aliasesWrong')}</p>}
      <div>
        <Button size="xs" variant="default" onClick={() => onChange([...rows, { alias: '', model: '' }])}>
          {t('addAlias')}
        </Button>
      </div>
    </>
  );
}
