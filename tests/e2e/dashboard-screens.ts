/** The dashboard's addresses, and what of the build's scripts each of them loads. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

/** Address → its heading in English and in French. */
export const SCREENS: readonly [path: string, en: string, fr: string][] = [
  ['/', 'Overview', 'Vue d’ensemble'],
  ['/models', 'Models', 'Modèles'],
  ['/models/add', 'Add a model', 'Ajouter un modèle'],
  ['/models/fake%2Fecho', 'fake/echo', 'fake/echo'],
  ['/gpus', 'GPUs', 'GPU'],
  ['/jobs', 'Jobs', 'Tâches'],
  ['/jobs/job_none', 'Job', 'Tâche'],
  ['/playground', 'Playground', 'Essais'],
  ['/evaluate', 'Evaluate', 'Évaluation'],
  ['/keys', 'Keys', 'Clés'],
  ['/webhooks', 'Webhooks', 'Webhooks'],
  ['/webhooks/none', 'Webhook', 'Webhook'],
  ['/logs', 'Logs', 'Journaux'],
  ['/audit', 'Audit', 'Audit'],
  ['/settings', 'Settings', 'Réglages'],
  ['/docs', 'API docs', 'Documentation de l’API'],
];

/** Paths of all scripts that the page has loaded since its navigation. */
export async function loadedScripts(page: Page): Promise<string[]> {
  const paths = (await page.evaluate(
    `performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)`,
  )) as string[];
  return [...new Set(paths.filter((path) => path.endsWith('.js')))];
}

/** Together, as the build compressed them; it leaves small ones as they are. */
export async function compressedBytes(dist: string, paths: string[], extension: '.br' | '.gz'): Promise<number> {
  const sizes = await Promise.all(
    paths.map(async (path) => {
      const file = join(dist, path);
      return (await stat(file + extension).catch(() => stat(file))).size;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
