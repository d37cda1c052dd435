import { Card, Stack, Switch, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './settings.module.css';

export interface SettingCardProps {
  title: string;
  note: string;
  /** What the environment says. */
  environment: string;
  isSetHere: boolean;
  onSetHere: (isSetHere: boolean) => void;
  /** The fields, while it is set here. */
  children: ReactNode;
}

/** One setting: the environment's value, or another one set here. */
export function SettingCard({ title, note, environment, isSetHere, onSetHere, children }: SettingCardProps) {
  const t = useT(messages);
  return (
    <Card withBorder component="section" aria-label={title}>
      <Title order={2} mb="sm">
        {title}
      </Title>
      <Stack gap="sm">
        <p className={classes.quiet}>{note}</p>
        <Switch
          label={t('setHere')}
          aria-label={`${title}: ${t('setHere')}`}
          checked={isSetHere}
          onChange={(event) => onSetHere(event.currentTarget.checked)}
        />
        {isSetHere ? children : <p>{t('fromEnvironment', { value: environment })}</p>}
      </Stack>
    </Card>
  );
}
