/** Ids as callers see them: a prefix, which says of what, and the 32 hexadecimal digits of the row's UUID. */
export function publicId(prefix: string, uuid: string): string {
  return `${prefix}_${uuid.replaceAll('-', '')}`;
}

/** undefined for what cannot be an id with this prefix. */
export function uuidOf(prefix: string, id: string): string | undefined {
  const digits = id.startsWith(`${prefix}_`) ? id.slice(prefix.length + 1) : '';
  const match = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(digits);
  return match === null ? undefined : match.slice(1).join('-');
}
