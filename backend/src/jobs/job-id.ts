import { publicId, uuidOf } from './public-id.ts';

export function publicJobId(uuid: string): string {
  return publicId('job', uuid);
}

/** undefined for what cannot be the id of a job. */
export function jobUuid(id: string): string | undefined {
  return uuidOf('job', id);
}
