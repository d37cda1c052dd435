/** The checker that proves, during the build, that every native file can be loaded on the image's base. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../deploy/image/elf.ts';
import { PROJECT_ROOT } from '../support/shared.ts';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);
const BASE = 'GLIBC_2.35 GLIBCXX_3.4.30 CXXABI_1.3.13';
const backend = createRequire(join(PROJECT_ROOT, 'backend/package.json'));
const ONNX_RUNTIME = join(dirname(backend.resolve('onnxruntime-node')), `../bin/napi-v6/linux/${process.arch}`);
const BINDING = 'onnxruntime_binding.node';
const LIBRARY = 'libonnxruntime.so.1';

/** What it prints, and whether it was content. */
async function check(folder: string, { within = BASE, required = [] as string[] } = {}) {
  const script = join(PROJECT_ROOT, 'deploy/image/check-native-files.ts');
  const more = required.flatMap((name) => ['--with', name]);
  return await run(process.execPath, [script, folder, '--within', within, ...more]).then(
    ({ stdout }) => ({ ok: true, lines: stdout.trim().split('\n') }),
    (error: { stderr: string }) => ({ ok: false, lines: error.stderr.trim().split('\n') }),
  );
}

/** ONNX Runtime's files, or some of them, in a folder of their own. */
async function copyOf(...names: string[]): Promise<string> {
  const folder = await tempDir();
  for (const name of names) await copyFile(join(ONNX_RUNTIME, name), join(folder, name));
  return folder;
}

/** Replaces a version's name in a file; the loader compares names, whatever their hashes. */
async function rename(path: string, from: string, to: string): Promise<void> {
  const bytes = await readFile(path);
  const at = bytes.indexOf(`\0${from}\0`) + 1;
  if (at === 0 || from.length !== to.length) throw new Error(`${path} does not name ${from}`);
  bytes.write(to, at, 'latin1');
  await writeFile(path, bytes);
}

describe('the checker of native files', () => {
  it('is content with a library and all it needs, and tells the newest versions', async () => {
    const { ok, lines } = await check(await copyOf(BINDING, LIBRARY));
    expect(lines).toEqual([expect.stringMatching(/^2 native files can be loaded; .*GLIBC_2\.\d+.*GLIBCXX_3\.4\.\d+/)]);
    expect(ok).toBe(true);
  });

  it('names the library that is missing, and not the symbols that are missing with it', async () => {
    const folder = await copyOf(BINDING);
    expect(await check(folder)).toEqual({
      ok: false,
      lines: [`${join(folder, BINDING)}: the library ${LIBRARY} is not found`],
    });
  });

  it('refuses what the base is too old for, though this machine is not', async () => {
    const folder = await copyOf(BINDING, LIBRARY);
    const { ok, lines } = await check(folder, { within: 'GLIBC_2.16 GLIBCXX_3.4.30' });
    expect(ok).toBe(false);
    expect(lines).toContainEqual(
      expect.stringMatching(/libonnxruntime\.so\.1: needs GLIBC_2\.\d+, and the base has GLIBC_2\.16$/),
    );
  });

  it('refuses what no base is new enough for, by its own reading and by the loader', async () => {
    const folder = await copyOf(LIBRARY);
    const path = join(folder, LIBRARY);
    const version = readElf(path)?.needs.find((need) => /^GLIBC_2\.\d\d$/.test(need)) ?? '';
    await rename(path, version, 'GLIBC_9.99');
    const { ok, lines } = await check(folder);
    expect(ok).toBe(false);
    expect(lines).toContain(`${path}: needs GLIBC_9.99, and the base has GLIBC_2.35`);
    expect(lines).toContainEqual(expect.stringMatching(/version [`']GLIBC_9\.99' not found/));
  });

  it('refuses a file for another processor', async () => {
    const folder = await copyOf(BINDING, LIBRARY);
    const bytes = await readFile(join(folder, LIBRARY));
    // e_machine: AArch64 here, x86-64 there.
    bytes.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18);
    await writeFile(join(folder, LIBRARY), bytes);
    expect((await check(folder)).lines).toContain(
      `${join(folder, LIBRARY)}: is for another processor than this ${process.arch}`,
    );
  });

  it('insists on the files it is told of: an install script that skipped itself shows', async () => {
    const folder = await copyOf(BINDING, LIBRARY);
    expect(await check(folder, { required: [LIBRARY] })).toMatchObject({ ok: true });
    expect(await check(folder, { required: ['libonnxruntime_providers_cuda.so'] })).toEqual({
      ok: false,
      lines: ['libonnxruntime_providers_cuda.so: is not there'],
    });
  });

  it('looks into every folder, by content and not by name, and is not content with nothing', async () => {
    const folder = await copyOf(LIBRARY);
    await mkdir(join(folder, 'a/b'), { recursive: true });
    await copyFile(join(ONNX_RUNTIME, BINDING), join(folder, 'a/b/program'));
    await writeFile(join(folder, 'a/not-native.so'), 'text\n');
    expect(await readdir(folder, { recursive: true })).toHaveLength(5);
    expect((await check(folder)).lines).toContain(
      `${join(folder, 'a/b/program')}: the library ${LIBRARY} is not found`,
    );
    expect(await check(join(folder, 'a'))).toMatchObject({ ok: false });
    expect((await check(await tempDir())).lines).toEqual([expect.stringMatching(/has no native file at all$/)]);
  });
});
