import { createHash } from 'node:crypto';

/** Where an owner's audio lies in the artifact store: equal files of one owner are one file, never those of two. */
export function inputKey(owner: string, sha256: string): string {
  const tenant = createHash('sha256').update(owner).digest('hex').slice(0, 32);
  return `inputs/${tenant}/${sha256}`;
}
