import type { ReleaseProof } from '@contract/admin.ts';
import { useFormat } from '../lib/i18n/use-format.ts';
import { useT } from '../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './release-proofs.module.css';
import { StateBadge } from './state-badge.tsx';

export interface ShownProof extends ReleaseProof {
  /** Of several models: whose it was. */
  model?: string;
  /** `GPU 2`, `CPU`. */
  deviceName: string;
}

/** What became of the memory of replicas that ended: before and after, how long that took, and whether all came back. */
export function ReleaseProofs({ proofs }: { proofs: readonly ShownProof[] }) {
  const t = useT(messages);
  const { bytes, duration, dateTime } = useFormat();
  const size = (value: number | null) => (value === null ? '–' : bytes(value));
  return (
    <ul className={classes.list}>
      {proofs.map((proof) => (
        <li key={`${proof.replica} ${proof.at}`} className={classes.proof}>
          <span className={classes.what}>
            <strong>
              {proof.model !== undefined && `${proof.model} · `}
              {proof.deviceName}
            </strong>
            <Verdict passed={proof.passed} />
            <span>{t(proof.cause)}</span>
          </span>
          <span>
            {t('memoryBeforeAfter', {
              before: size(proof.memory_before_bytes),
              after: size(proof.memory_after_bytes),
            })}
          </span>
          <span className={classes.quiet}>
            {t('released', { held: size(proof.held_bytes), time: duration(proof.seconds) })}
            {proof.residue_bytes !== null &&
              proof.residue_bytes > 0 &&
              ` · ${t('residue', { bytes: bytes(proof.residue_bytes) })}`}
            {' · '}
            {proof.exit_signal === null
              ? t('exitCode', { code: proof.exit_code ?? '–' })
              : t('exitSignal', { signal: proof.exit_signal })}
            {' · '}
            {dateTime(proof.at)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Verdict({ passed }: Pick<ReleaseProof, 'passed'>) {
  const t = useT(messages);
  if (passed === null) return <StateBadge tone="idle" word={t('proofUnknown')} />;
  return passed ? (
    <StateBadge tone="ok" word={t('proofPassed')} />
  ) : (
    <StateBadge tone="error" word={t('proofFailed')} />
  );
}
