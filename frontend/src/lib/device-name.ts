/** `GPU 2`, `CPU`: what a device is called on the page; a UUID that no list knows stays itself. */
export function deviceName(device: string, index: number | null | undefined): string {
  if (device === 'cpu') return 'CPU';
  return index === null || index === undefined ? shortUuid(device) : `GPU ${index}`;
}

/** `GPU-1f2e3d4c-…` → `1f2e3d4c`. */
export function shortUuid(uuid: string): string {
  return uuid.replace(/^GPU-/, '').slice(0, 8);
}
