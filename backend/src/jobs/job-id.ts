/** `job_` and the 32 hexadecimal digits of the row's UUID. */
export function publicJobId(uuid: string): string {
  return `job_${uuid.replaceAll('-', '')}`;
}

/** undefined for what cannot be the id of a job. */
export function jobUuid(id: string): string | undefined {
  const match = /^job_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(id);
  return match === null ? undefined : match.slice(1).join('-');
}
