/** For `.catch`: undefined when a path does not exist, or is a folder where a file was asked for, or the reverse. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EISDIR') return undefined;
  throw error;
}
