/** A key by its name, as far as the reader may see names. */
import { useQuery } from '@tanstack/react-query';
import { keysQuery } from '../../api/keys.ts';
import { useRole } from '../../api/session.ts';

export function KeyName({ id }: { id: string }) {
  const { data } = useQuery({ ...keysQuery, enabled: useRole() === 'admin' });
  return data?.find((key) => key.id === id)?.name ?? id;
}
