import type { AdminModel, AdminModelStatus } from '@contract/admin.ts';

export interface ModelFilter {
  /** Anywhere in the id, the repository, the family or the licence, whatever the case. */
  q?: string | undefined;
  status?: AdminModelStatus | undefined;
  task?: string | undefined;
}

export function filterModels(models: readonly AdminModel[], { q, status, task }: ModelFilter): AdminModel[] {
  const words = q?.toLowerCase().trim() ?? '';
  return models.filter((model) => {
    if (status !== undefined && model.status !== status) return false;
    if (task !== undefined && model.task !== task) return false;
    return [model.id, model.repo, model.family, model.license].some((text) => text.toLowerCase().includes(words));
  });
}
