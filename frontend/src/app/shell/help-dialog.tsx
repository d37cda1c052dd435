import { Kbd, Modal, Switch } from '@mantine/core';
import { Fragment } from 'react';
import type { Role } from '../../api/session.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { enableShortcuts, useShortcutsEnabled } from '../../lib/shortcuts.ts';
import { messages } from '../messages.ts';
import { screensFor } from '../screens.ts';
import classes from './help-dialog.module.css';

export interface HelpDialogProps {
  role: Role;
  onClose: () => void;
}

/** Every key of the page. Loaded when it is first wanted. */
export default function HelpDialog({ role, onClose }: HelpDialogProps) {
  const t = useT(messages);
  const enabled = useShortcutsEnabled();
  const keys: [keys: string[], does: string][] = [
    [['Ctrl', 'K'], t('search')],
    [['?'], t('shortcuts')],
    [['/'], t('keyFilter')],
    [['J', 'K'], t('keyRows')],
    ...screensFor(role).map(({ name, letter }): [string[], string] => [['G', letter.toUpperCase()], t(name)]),
    [['␣'], t('keyPlay')],
    [['←', '→'], t('keySeek')],
    [['M', 'S'], t('keyStems')],
  ];
  return (
    <Modal opened onClose={onClose} title={t('shortcuts')} closeButtonProps={{ 'aria-label': t('close') }}>
      <Switch
        label={t('keysOn')}
        checked={enabled}
        onChange={(event) => enableShortcuts(event.currentTarget.checked)}
        mb="md"
      />
      <dl className={classes.keys}>
        {keys.map(([combination, does]) => (
          <Fragment key={does}>
            <dt>
              {combination.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </Fragment>
        ))}
      </dl>
    </Modal>
  );
}
