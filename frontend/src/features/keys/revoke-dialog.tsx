import type { ApiKey } from '@contract/keys.ts';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '../../api/api.ts';
import { keyUsageQuery, refreshKeys, revokeKey } from '../../api/keys.ts';
import { ownKeyQuery } from '../../api/own-key.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

/** Says what stops working, and asks for the key's name. */
export function RevokeDialog({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const t = useT(messages);
  const client = useQueryClient();
  const { data: usage } = useQuery(keyUsageQuery(apiKey.id));
  const { data: own } = useQuery(ownKeyQuery);
  const unfinished = usage?.running ?? 0;
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t('revokeTitle', { name: apiKey.name })}
      destroys={[
        t('revokeLoses'),
        t('revokeTickets'),
        ...(unfinished > 0 ? [t('revokeJobs', { count: unfinished })] : []),
        ...(own?.id === apiKey.id ? [t('revokeOwn')] : apiKey.scopes.admin ? [t('revokeAdmin')] : []),
      ]}
      confirmLabel={t('revokeDo')}
      typedName={apiKey.name}
      onConfirm={async () => {
        await api(revokeKey, { params: { id: apiKey.id } });
        void refreshKeys(client);
      }}
    />
  );
}
