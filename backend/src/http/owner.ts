/** Whose the jobs of a request are. */
import type { Response } from 'express';
import { principalOf } from './request-context.ts';

export function ownerOf(response: Response): string {
  return principalOf(response).id;
}
