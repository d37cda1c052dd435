import { ActionIcon, type MantineColorScheme, Menu, useMantineColorScheme } from '@mantine/core';
import { IconDeviceDesktop, IconMoon, IconSun } from '@tabler/icons-react';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';

const SCHEMES = [
  { scheme: 'auto', text: 'schemeAuto', Icon: IconDeviceDesktop },
  { scheme: 'light', text: 'schemeLight', Icon: IconSun },
  { scheme: 'dark', text: 'schemeDark', Icon: IconMoon },
] as const satisfies readonly { scheme: MantineColorScheme; text: string; Icon: unknown }[];

export function SchemeMenu() {
  const t = useT(messages);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Current = SCHEMES.find(({ scheme }) => scheme === colorScheme)?.Icon ?? IconDeviceDesktop;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={t('colourScheme')} title={t('colourScheme')}>
          <Current size={20} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {SCHEMES.map(({ scheme, text, Icon }) => (
          <Menu.Item
            key={scheme}
            role="menuitemradio"
            aria-checked={scheme === colorScheme}
            leftSection={<Icon size={16} aria-hidden />}
            onClick={() => setColorScheme(scheme)}
          >
            {t(text)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
