import type { RepoFiles } from '../models/define-model.ts';
import type { Catalog } from './catalog.ts';
import { chooseDtype } from './choose-dtype.ts';

/** The files on the hub of every model, auxiliary repositories included, in the precision that a CPU gets. */
export function neededRepos({ entries }: Catalog): RepoFiles[] {
  const all = entries.flatMap(({ definition, dtype }) => [
    chooseDtype(definition, 'cpu', dtype).definition,
    ...Object.values(definition.auxiliary ?? {}),
  ]);
  return all.filter(({ bundled }) => bundled !== true);
}
