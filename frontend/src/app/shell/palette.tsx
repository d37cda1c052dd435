/** ⌘K: screens, models, jobs by their id, and what the header does. Loaded when it is first wanted. */
import '@mantine/spotlight/styles.css';
import { useMantineColorScheme } from '@mantine/core';
import { createSpotlight, Spotlight, type SpotlightActionData } from '@mantine/spotlight';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useState } from 'react';
import { modelsQuery } from '../../api/models.ts';
import { type Role, signOut } from '../../api/session.ts';
import { setLanguage } from '../../lib/i18n/catalogue.ts';
import { LANGUAGES, type Language } from '../../lib/i18n/languages.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';
import { screensFor } from '../screens.ts';

const [store, palette] = createSpotlight();
const JOB_ID = /^job[-_][\w-]+$/;

/** Who types before the list is there has nothing marked: Enter takes the first all the same. */
function takeFirst({ key, currentTarget }: KeyboardEvent<HTMLInputElement>): void {
  const list = key === 'Enter' ? currentTarget.closest('[role=dialog]') : null;
  if (list !== null && list.querySelector('[data-selected]') === null) {
    list.querySelector<HTMLElement>('[data-action]')?.click();
  }
}

export interface PaletteProps {
  role: Role;
  onClose: () => void;
}

export default function Palette({ role, onClose }: PaletteProps) {
  const t = useT(messages);
  const navigate = useNavigate();
  const client = useQueryClient();
  const { setColorScheme } = useMantineColorScheme();
  const [query, setQuery] = useState('');
  useEffect(() => palette.open(), []);

  const screens = screensFor(role).map(
    ({ name, to, icon: Icon }): SpotlightActionData => ({
      id: name,
      label: t(name),
      leftSection: <Icon size={18} aria-hidden />,
      onClick: () => void navigate({ to }),
    }),
  );
  const models = (role === 'admin' ? (client.getQueryData(modelsQuery.queryKey) ?? []) : []).map(
    ({ id, task }): SpotlightActionData => ({
      id: `model ${id}`,
      label: id,
      description: task,
      onClick: () => void navigate({ to: '/models/$id', params: { id } }),
    }),
  );
  const job = query.trim();
  const jobs: SpotlightActionData[] = JOB_ID.test(job)
    ? [{ id: job, label: job, onClick: () => void navigate({ to: '/jobs/$id', params: { id: job } }) }]
    : [];
  const actions: SpotlightActionData[] = [
    ...(Object.keys(LANGUAGES) as Language[]).map((language) => ({
      id: `language ${language}`,
      label: LANGUAGES[language],
      description: t('language'),
      onClick: () => void setLanguage(language),
    })),
    ...(['Auto', 'Light', 'Dark'] as const).map((scheme) => ({
      id: `scheme ${scheme}`,
      label: t(`scheme${scheme}`),
      description: t('colourScheme'),
      onClick: () => setColorScheme(scheme === 'Auto' ? 'auto' : scheme === 'Light' ? 'light' : 'dark'),
    })),
    { id: 'sign-out', label: t('signOut'), onClick: signOut },
  ];

  return (
    <Spotlight
      store={store}
      query={query}
      onQueryChange={setQuery}
      shortcut={null}
      // The dialog has no title of its own to be named by.
      attributes={{ content: { 'aria-label': t('search') } }}
      onSpotlightClose={onClose}
      scrollable
      maxHeight={420}
      limit={30}
      nothingFound={t('nothingFound')}
      searchProps={{ placeholder: t('search'), 'aria-label': t('search'), onKeyDown: takeFirst }}
      actions={[
        { group: t('jobs'), actions: jobs },
        { group: t('navigation'), actions: screens },
        { group: t('models'), actions: models },
        { group: t('actions'), actions },
      ].filter((group) => group.actions.length > 0)}
    />
  );
}
