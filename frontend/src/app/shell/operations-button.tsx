import { ActionIcon } from '@mantine/core';
import { IconActivity } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';
import { useOperations } from '../../api/operations.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';
import classes from './operations-button.module.css';

const OperationsDrawer = lazy(() => import('./operations-drawer.tsx'));

/** How much is under way; opens the list. */
export function OperationsButton() {
  const t = useT(messages);
  const { running } = useOperations();
  const [opened, setOpened] = useState(false);
  const label = t('operationsRunning', { count: running.length });
  return (
    <>
      <ActionIcon aria-label={label} title={label} onClick={() => setOpened(true)} className={classes.button}>
        <IconActivity size={20} aria-hidden />
        {running.length > 0 && (
          <span className={classes.count} aria-hidden>
            {running.length}
          </span>
        )}
      </ActionIcon>
      {opened && (
        <Suspense>
          <OperationsDrawer onClose={() => setOpened(false)} />
        </Suspense>
      )}
    </>
  );
}
