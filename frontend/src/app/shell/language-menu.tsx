import { ActionIcon, Menu } from '@mantine/core';
import { IconLanguage } from '@tabler/icons-react';
import { setLanguage } from '../../lib/i18n/catalogue.ts';
import { LANGUAGES, type Language, useLanguage } from '../../lib/i18n/language.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';

export function LanguageMenu() {
  const t = useT(messages);
  const language = useLanguage();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={t('language')} title={t('language')}>
          <IconLanguage size={20} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {(Object.keys(LANGUAGES) as Language[]).map((each) => (
          <Menu.Item
            key={each}
            lang={each}
            role="menuitemradio"
            aria-checked={each === language}
            onClick={() => void setLanguage(each)}
          >
            {LANGUAGES[each]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
