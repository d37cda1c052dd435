import type { AdminModel } from '@contract/admin.ts';
import { VisuallyHidden } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { useT } from '../../lib/i18n/use-t.ts';
import { describeChanges } from './describe-changes.ts';
import { messages } from './messages.ts';

/** The page's one polite live region for models: changes, not the whole list. */
export function Announcer({ models }: { models: AdminModel[] }) {
  const t = useT(messages);
  const announced = useRef(models);
  const [text, setText] = useState('');
  useEffect(() => {
    const changes = describeChanges(announced.current, models);
    announced.current = models;
    if (changes.length === 0) return;
    const sentences = changes.map(({ id, change }) =>
      typeof change === 'number'
        ? t('downloadedPercent', { id, percent: change })
        : t('becameState', { id, state: t(change) }),
    );
    setText(sentences.join(' '));
  }, [models, t]);
  return (
    <VisuallyHidden component="p" role="status">
      {text}
    </VisuallyHidden>
  );
}
