/** A short word about something that is done, for whoever has moved on; what needs an answer belongs on the page. */
import { useSyncExternalStore } from 'react';
import { listeners } from './listeners.ts';

export interface Notification {
  tone: 'ok' | 'warning' | 'error' | 'active';
  title: string;
  message?: string;
}

const COLOURS = { ok: 'green', warning: 'yellow', error: 'red', active: 'blue' } as const;
const SHOWN_MS = 6_000;

let isWanted = false;
const changed = listeners();

/** Their code is loaded with the first one. An error stays until it is closed. */
export async function notify({ tone, title, message }: Notification): Promise<void> {
  isWanted = true;
  changed.tell();
  const { notifications } = await import('@mantine/notifications');
  notifications.show({
    color: COLOURS[tone],
    title,
    message,
    autoClose: tone === 'error' ? false : SHOWN_MS,
    role: tone === 'error' ? 'alert' : 'status',
  });
}

/** Whether there is anything to show yet: the shell then shows it. */
export function useNotificationsWanted(): boolean {
  return useSyncExternalStore(changed.subscribe, () => isWanted);
}
