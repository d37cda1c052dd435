import { type MantineColorScheme, useMantineColorScheme } from '@mantine/core';
import { IconDeviceDesktop, IconMoon, IconSun, type TablerIcon } from '@tabler/icons-react';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';
import { HeaderMenu, HeaderMenuItem } from './header-menu.tsx';

const SCHEMES = {
  auto: { text: 'schemeAuto', Icon: IconDeviceDesktop },
  light: { text: 'schemeLight', Icon: IconSun },
  dark: { text: 'schemeDark', Icon: IconMoon },
} as const satisfies Record<MantineColorScheme, { text: string; Icon: TablerIcon }>;

export function SchemeMenu() {
  const t = useT(messages);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <HeaderMenu label={t('colourScheme')} Icon={SCHEMES[colorScheme].Icon}>
      {(close) =>
        (Object.keys(SCHEMES) as MantineColorScheme[]).map((scheme) => (
          <HeaderMenuItem
            key={scheme}
            Icon={SCHEMES[scheme].Icon}
            isChosen={scheme === colorScheme}
            onClick={() => {
              close();
              setColorScheme(scheme);
            }}
          >
            {t(SCHEMES[scheme].text)}
          </HeaderMenuItem>
        ))
      }
    </HeaderMenu>
  );
}
