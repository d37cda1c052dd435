/** A licence that is not known to be free is read by somebody, once, before anything is done with its model. */
import type { AdminModel } from '@contract/admin.ts';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { modelActions } from '../../api/model-actions.ts';
import { noteModel } from '../../api/note-model.ts';
import { ownKeyQuery } from '../../api/own-key.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { Facts } from '../../components/facts.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { LICENSE_TEXTS, licenseKind } from './license-kind.ts';
import { messages } from './messages.ts';

export interface ConfirmLicenseDialogProps {
  model: AdminModel;
  onClose: () => void;
  /** Goes on with what the licence held up. */
  onConfirmed: () => unknown;
}

export default function ConfirmLicenseDialog({ model, onClose, onConfirmed }: ConfirmLicenseDialogProps) {
  const t = useT(messages);
  const client = useQueryClient();
  const { data: own } = useQuery(ownKeyQuery);
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t('licenceTitle', { id: model.id })}
      destroys={[]}
      color="brand"
      confirmLabel={t('licenceConfirm')}
      onConfirm={async () => {
        noteModel(client, await modelActions.confirmLicense(model.id));
        await onConfirmed();
      }}
    >
      <Facts
        facts={[
          [t('licence'), <strong key="licence">{model.license}</strong>],
          [t('repository'), model.repo],
          [t('revision'), model.revision],
        ]}
      />
      <p>{t(LICENSE_TEXTS[licenseKind(model.license)])}</p>
      <p>{t('licenceNoted', { who: own?.name ?? own?.id ?? '–' })}</p>
    </ConfirmDialog>
  );
}
