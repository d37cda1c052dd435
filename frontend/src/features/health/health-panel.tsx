import type { Health } from '@contract/health.ts';
import { useQuery } from '@tanstack/react-query';
import { healthQuery } from '../../api/health-query.ts';
import { Badge } from '../../components/badge.tsx';
import { Notice } from '../../components/notice.tsx';

export function HealthPanel() {
  const { data, error } = useQuery(healthQuery);
  return (
    <section className="panel" aria-labelledby="health-heading" aria-busy={data === undefined && error === null}>
      <div className="panel-heading">
        <h2 id="health-heading">Health</h2>
        {/* Always there, so that a change of its text is read out. */}
        <span role="status">{error === null && data !== undefined && <Summary checks={data.checks} />}</span>
      </div>
      {error !== null ? (
        <Notice tone="error" title="The state of the server is not known.">
          <p>{error.message} The next attempt follows in a few seconds.</p>
        </Notice>
      ) : data === undefined ? (
        <p className="waiting">Asking the server…</p>
      ) : (
        <Checks checks={data.checks} />
      )}
    </section>
  );
}

function Summary({ checks }: Pick<Health, 'checks'>) {
  const all = Object.values(checks);
  const failing = all.filter(({ ok }) => !ok).length;
  if (failing === 0) return <Badge tone="ok" word="All checks pass" />;
  return <Badge tone="error" word={`${failing} of ${all.length} checks fail`} />;
}

function Checks({ checks }: Pick<Health, 'checks'>) {
  const entries = Object.entries(checks);
  if (entries.length === 0) return <p className="quiet-text">The server reports no checks.</p>;
  return (
    <ul className="checks">
      {entries.map(([name, { ok, reason }]) => (
        <li key={name}>
          <span>{sentenceCase(name)}</span>
          <Badge tone={ok ? 'ok' : 'error'} word={ok ? 'OK' : 'Failing'} />
          {reason !== null && <span className="check-reason">{reason}</span>}
        </li>
      ))}
    </ul>
  );
}

/** `model_cache` → `Model cache`; what begins with a program's name keeps its spelling. */
function sentenceCase(name: string): string {
  if (name === 'ffmpeg') return name;
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
