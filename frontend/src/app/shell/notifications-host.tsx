/** Where `notify` shows its words. Loaded with the first one. */
import '@mantine/core/styles/Notification.css';
import '@mantine/notifications/styles.css';
import { Notifications } from '@mantine/notifications';

export default function NotificationsHost() {
  return <Notifications position="bottom-right" limit={4} />;
}
