import type { AdminModel } from '@contract/admin.ts';
import { StateBadge } from '../../components/state-badge.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { isUnconfirmed, LICENSE_TEXTS, licenseKind } from './license-kind.ts';
import { messages } from './messages.ts';
import classes from './models.module.css';

export interface LicenseProps {
  model: Pick<AdminModel, 'license' | 'license_confirmation'>;
  /** With what it means, and who has confirmed it. */
  detailed?: boolean;
}

/** A model's licence, and whether somebody still has to confirm it. */
export function License({ model, detailed = false }: LicenseProps) {
  const t = useT(messages);
  const { dateTime } = useFormat();
  const { required, confirmed_at: at, confirmed_by: who } = model.license_confirmation;
  return (
    <>
      <p className={detailed ? undefined : classes.quiet}>{model.license}</p>
      {isUnconfirmed(model) && <StateBadge tone="warning" word={t('licenceOpen')} />}
      {detailed && required && (
        <p className={classes.quiet}>
          {at === null
            ? t(LICENSE_TEXTS[licenseKind(model.license)])
            : t('licenceConfirmed', { when: dateTime(at), who: who ?? '–' })}
        </p>
      )}
    </>
  );
}
