/** What the sidebar, the palette and the keyboard know of the screens. */
import {
  type IconActivity,
  IconAdjustments,
  IconBook,
  IconCpu,
  IconFileText,
  IconGauge,
  IconHistory,
  IconKey,
  IconListCheck,
  IconMicrophone,
  IconPackage,
  IconScale,
  IconWebhook,
} from '@tabler/icons-react';

export type ScreenName =
  | 'overview'
  | 'models'
  | 'gpus'
  | 'jobs'
  | 'playground'
  | 'evaluate'
  | 'keys'
  | 'webhooks'
  | 'logs'
  | 'audit'
  | 'settings'
  | 'docs';

export interface Screen {
  name: ScreenName;
  to: ScreenPath;
  icon: typeof IconActivity;
  /** After `g`. */
  letter: string;
  /** A user key opens it, too. */
  forUsers: boolean;
}

export type ScreenPath = '/' | `/${Exclude<ScreenName, 'overview'>}`;
export type GroupName = 'operate' | 'try' | 'access' | 'observe' | 'more';

const screen = (name: ScreenName, icon: Screen['icon'], letter: string, forUsers = false): Screen => ({
  name,
  to: name === 'overview' ? '/' : `/${name}`,
  icon,
  letter,
  forUsers,
});

export const GROUPS: readonly { name: GroupName; screens: readonly Screen[] }[] = [
  {
    name: 'operate',
    screens: [
      screen('overview', IconGauge, 'o'),
      screen('models', IconPackage, 'm'),
      screen('gpus', IconCpu, 'g'),
      screen('jobs', IconListCheck, 'j', true),
    ],
  },
  {
    name: 'try',
    screens: [screen('playground', IconMicrophone, 'p', true), screen('evaluate', IconScale, 'e')],
  },
  { name: 'access', screens: [screen('keys', IconKey, 'k'), screen('webhooks', IconWebhook, 'w', true)] },
  { name: 'observe', screens: [screen('logs', IconFileText, 'l'), screen('audit', IconHistory, 'a')] },
  { name: 'more', screens: [screen('settings', IconAdjustments, 's'), screen('docs', IconBook, 'd', true)] },
];

/** The screens a role opens, in the sidebar's order. */
export function screensFor(role: 'admin' | 'user'): readonly Screen[] {
  return GROUPS.flatMap(({ screens }) => screens).filter(({ forUsers }) => role === 'admin' || forUsers);
}

/** Whether the path belongs to a screen that only an admin key opens. */
export function isForAdmins(pathname: string): boolean {
  const owner = GROUPS.flatMap(({ screens }) => screens).find(
    ({ to }) => pathname === to || (to !== '/' && pathname.startsWith(`${to}/`)),
  );
  return owner !== undefined && !owner.forUsers;
}
