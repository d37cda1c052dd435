import { IconPackage } from '@tabler/icons-react';
import { useT } from '../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './state-badge.module.css';

/** Of a model that ships with the gateway: what it answers is worse than a downloaded one's. */
export function BundledBadge() {
  const t = useT(messages);
  return (
    <span className={classes.badge} data-tone="idle" title={t('bundledNote')}>
      <IconPackage size={14} stroke={2} aria-hidden />
      {t('bundled')}
    </span>
  );
}
