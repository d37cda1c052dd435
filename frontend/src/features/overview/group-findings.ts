/** The doctor's findings, those that say the same of several GPUs as one. */
import type { DoctorFinding } from '@contract/doctor.ts';

const GPU = /\bGPU (\S+)/;

/** `GPU 0 fails`, `GPU 1 fails`, `GPU 2 fails` → `GPU 0 … 2 fails`, at the place and with the id of the first. */
export function groupFindings(findings: readonly DoctorFinding[]): DoctorFinding[] {
  const groups = new Map<string, { first: DoctorFinding; gpus: string[] }>();
  for (const finding of findings) {
    const { id, status, summary, fix } = finding;
    const gpu = GPU.exec(summary)?.[1];
    const alike =
      gpu === undefined ? id : JSON.stringify([id.replace(/\d+$/, ''), status, summary.replace(GPU, 'GPU'), fix]);
    const group = groups.get(alike);
    if (group === undefined) groups.set(alike, { first: finding, gpus: gpu === undefined ? [] : [gpu] });
    else if (gpu !== undefined) group.gpus.push(gpu);
  }
  return [...groups.values()].map(({ first, gpus }) =>
    gpus.length < 2 ? first : { ...first, summary: first.summary.replace(GPU, () => `GPU ${listed(gpus)}`) },
  );
}

/** `0 … 3, 5`: from three in a row on the ends are enough. */
function listed(names: readonly string[]): string {
  const runs: string[][] = [];
  for (const name of names) {
    const run = runs.at(-1);
    if (run !== undefined && Number(name) === Number(run.at(-1)) + 1) run.push(name);
    else runs.push([name]);
  }
  return runs.map((run) => (run.length < 3 ? run.join(', ') : `${run[0]} … ${run.at(-1)}`)).join(', ');
}
