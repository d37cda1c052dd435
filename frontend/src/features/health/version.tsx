import { useQuery } from '@tanstack/react-query';
import { healthQuery } from '../../api/health-query.ts';

export function Version() {
  const { data } = useQuery(healthQuery);
  if (data === undefined) return null;
  return (
    <span className="version">
      <span className="visually-hidden">Version </span>
      {data.version}
    </span>
  );
}
