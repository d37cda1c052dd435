/** What an operator should look at first, the worst on top. */
import type { AdminModel } from '@contract/admin.ts';
import type { Overview } from '@contract/overview.ts';
import { groupFindings } from './group-findings.ts';

export type Attention =
  | { kind: 'finding'; id: string; isFailure: boolean; summary: string; fix: string | null }
  | { kind: 'model'; id: string; isFailure: true; reason: string | null }
  | { kind: 'download'; id: string; isFailure: true; reason: string | null }
  | { kind: 'fallback'; id: string; isFailure: false; reason: string };

export function attentionsOf(doctor: Overview['doctor'], models: readonly AdminModel[]): Attention[] {
  const findings = groupFindings(doctor?.findings ?? []).map(({ id, status, summary, fix }): Attention => {
    return { kind: 'finding', id, isFailure: status === 'fail', summary, fix };
  });
  const ill = models.flatMap(({ id, status, reason, files, fallback, replicas }): Attention[] => {
    if (files.state === 'failed') return [{ kind: 'download', id, isFailure: true, reason: files.reason }];
    const said = reason ?? replicas.find((replica) => replica.reason !== null)?.reason ?? null;
    if (status === 'failed') return [{ kind: 'model', id, isFailure: true, reason: said }];
    return fallback === null ? [] : [{ kind: 'fallback', id, isFailure: false, reason: fallback }];
  });
  const all = [...findings, ...ill];
  return [...all.filter(({ isFailure }) => isFailure), ...all.filter(({ isFailure }) => !isFailure)];
}
