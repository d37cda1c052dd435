/** What a row of the audit log changed, field by field. */
import { auditChanges } from '@contract/audit-changes.ts';
import { VisuallyHidden } from '@mantine/core';
import { useT } from '../../lib/i18n/use-t.ts';
import classes from './audit.module.css';
import { messages } from './messages.ts';

export function AuditDiff({ changes }: { changes: string | null }) {
  const t = useT(messages);
  if (changes === null) return null;
  // The text was hashed as it is: one that was tampered with must not take the page with it.
  const fields = Object.entries(parse(changes) ?? {});
  return (
    <ul className={classes.diff} aria-label={t('changes')}>
      {fields.map(([field, { before, after }]) => (
        <li key={field}>
          <code>{field}</code> <VisuallyHidden>{t('before')}</VisuallyHidden>
          <del>{word(before)}</del> → <VisuallyHidden>{t('after')}</VisuallyHidden>
          <ins>{word(after)}</ins>
        </li>
      ))}
    </ul>
  );
}

function parse(text: string) {
  try {
    return auditChanges.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function word(value: unknown): string {
  if (value === null) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
