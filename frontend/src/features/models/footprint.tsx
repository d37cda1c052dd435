import type { AdminModel } from '@contract/admin.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

/** What one replica takes: measured at a load, else the catalogue's estimate. */
export function Footprint({ model }: { model: Pick<AdminModel, 'replicas' | 'memory_estimate_bytes'> }) {
  const t = useT(messages);
  const { bytes } = useFormat();
  const measured = model.replicas.find(({ bytes_are_measured }) => bytes_are_measured);
  return measured === undefined
    ? t('estimated', { bytes: bytes(model.memory_estimate_bytes) })
    : t('measured', { bytes: bytes(measured.expected_bytes) });
}
