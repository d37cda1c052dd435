/** Small shell programs that a test puts in front of the real ones. */
import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { tempDir } from './temp-dir.ts';

export interface FakePrograms {
  dir: string;
  /** Finds them first, and whatever else the system has. */
  environment: { PATH: string; HOME: string };
}

/** @param programs name → what `sh` is to do */
export async function fakePrograms(programs: Readonly<Record<string, string>>): Promise<FakePrograms> {
  const dir = await tempDir();
  for (const [name, script] of Object.entries(programs)) {
    const path = join(dir, name);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  }
  const { PATH = '', HOME = '' } = process.env;
  return { dir, environment: { PATH: `${dir}${delimiter}${PATH}`, HOME } };
}

/** A program that writes this text. */
export function saying(text: string, { code = 0, to = 'stdout' as 'stdout' | 'stderr' } = {}): string {
  return `cat ${to === 'stderr' ? '>&2 ' : ''}<<'END_OF_TEXT'\n${text}\nEND_OF_TEXT\nexit ${code}`;
}
