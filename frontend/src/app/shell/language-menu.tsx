import { IconLanguage } from '@tabler/icons-react';
import { setLanguage } from '../../lib/i18n/catalogue.ts';
import { useLanguage } from '../../lib/i18n/language.ts';
import { LANGUAGES, type Language } from '../../lib/i18n/languages.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';
import { HeaderMenu, HeaderMenuItem } from './header-menu.tsx';

export function LanguageMenu() {
  const t = useT(messages);
  const language = useLanguage();
  return (
    <HeaderMenu label={t('language')} Icon={IconLanguage}>
      {(close) =>
        (Object.keys(LANGUAGES) as Language[]).map((each) => (
          <HeaderMenuItem
            key={each}
            lang={each}
            isChosen={each === language}
            onClick={() => {
              close();
              void setLanguage(each);
            }}
          >
            {LANGUAGES[each]}
          </HeaderMenuItem>
        ))
      }
    </HeaderMenu>
  );
}
