/** Whose the jobs of a request are. */
import type { Response } from 'express';

export function ownerOf(_response: Response): string {
  return 'anonymous';
}
