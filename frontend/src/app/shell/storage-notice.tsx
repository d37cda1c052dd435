import { Button } from '@mantine/core';
import { useState } from 'react';
import { Notice } from '../../components/notice.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';

/** The key was to be kept in the tab, and the browser refused. */
export function StorageNotice() {
  const t = useT(messages);
  const [isDismissed, setDismissed] = useState(false);
  if (isDismissed) return null;
  return (
    <Notice tone="warning" title={t('notKept')}>
      <p>{t('notKeptBody')}</p>
      <div>
        <Button size="compact-sm" variant="default" onClick={() => setDismissed(true)}>
          {t('dismiss')}
        </Button>
      </div>
    </Notice>
  );
}
