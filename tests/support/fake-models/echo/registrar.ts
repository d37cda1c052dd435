/** Repositories with a file that is read by nobody, and a word that is said before everything else. */
import { z } from 'zod';
import type { Registrar } from '../../../../backend/src/models/define-model.ts';
import { readSettings, requireFiles } from '../../../../backend/src/models/registration.ts';
import echo from './definition.ts';

const settings = z.strictObject({
  file: z.string().default('marker.txt'),
  greeting: z.string().default(''),
  license: z.string().default('MIT'),
});

export const complete: Registrar['complete'] = (registration, listed) => {
  const completed = readSettings(registration, settings);
  requireFiles(registration, new Map(listed.map(({ path, size }) => [path, size])), [completed.file]);
  return completed;
};

export const define: Registrar['define'] = (registration) => {
  const { id, repo, revision } = registration;
  const { file, license, ...others } = readSettings(registration, settings);
  const [model] = echo.models;
  if (model === undefined) throw new Error('echo has no model');
  return { ...model, id, repo, revision, files: [file], license, settings: others };
};
