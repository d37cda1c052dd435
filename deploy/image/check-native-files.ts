/**
 * Proves that every native file of an installation can be loaded on this system, and on one that has only the given
 * versions of its basic libraries: `check-native-files.ts FOLDER --within "GLIBC_2.35 GLIBCXX_3.4.30" [--with FILE]...`.
 * Exit status 1 with a line for each problem. What a library opens by itself later (dlopen) is beyond it.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { readElf } from './elf.ts';

/** Plug-ins take these symbols from the program that loads them. */
const FROM_THE_HOST = [
  { plugin: /\.node$/, symbol: /^(napi|node_api)_/ },
  { plugin: /\/lib\/postgresql\/[^/]+\.so$/, symbol: /./ },
];
/** ONNX Runtime loads the one named last before any other provider, which takes symbols from it. */
const PROVIDER = /\/libonnxruntime_providers_(?!shared)\w+\.so$/;
const SHARED_PROVIDER = 'libonnxruntime_providers_shared.so';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { within: { type: 'string' }, with: { type: 'string', multiple: true, default: [] } },
});
const [folder] = positionals;
if (folder === undefined || values.within === undefined) throw new Error('FOLDER and --within are needed');
const limits = new Map(values.within.split(' ').filter(Boolean).map(splitVersion));

const problems: string[] = [];
const highest = new Map<string, string>();
const checked: string[] = [];
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const path = join(entry.parentPath, entry.name);
  const elf = readElf(path);
  if (elf === undefined) continue;
  checked.push(path);
  if (elf.arch !== process.arch) {
    problems.push(`${path}: is for another processor than this ${process.arch}`);
    continue;
  }
  problems.push(...versionProblems(path, elf.needs));
  if (elf.dynamic) problems.push(...loaderProblems(path));
}
for (const wanted of values.with) {
  if (!checked.some((path) => basename(path) === wanted)) problems.push(`${wanted}: is not there`);
}
if (checked.length === 0) problems.push(`${folder}: has no native file at all`);

if (problems.length > 0) {
  process.stderr.write(`${problems.join('\n')}\n`);
  process.exitCode = 1;
} else {
  const versions = [...highest].map(([name, version]) => `${name}_${version}`).join(', ');
  process.stdout.write(`${checked.length} native files can be loaded; the newest they need is ${versions}\n`);
}

/** One for each name whose newest needed version is too new. */
function versionProblems(path: string, needs: readonly string[]): string[] {
  return [...limits].flatMap(([name, limit]) => {
    // GLIBC_PRIVATE and the like have no number.
    const versions = needs.map(splitVersion).filter(([of, version]) => of === name && /^\d/.test(version));
    const newest = versions
      .map(([, version]) => version)
      .sort(compareVersions)
      .at(-1);
    if (newest === undefined) return [];
    if (compareVersions(newest, highest.get(name) ?? '0') > 0) highest.set(name, newest);
    return compareVersions(newest, limit) > 0
      ? [`${path}: needs ${name}_${newest}, and the base has ${name}_${limit}`]
      : [];
  });
}

/** What the system's own loader says about a file: libraries that it does not find; else versions and symbols. */
function loaderProblems(path: string): string[] {
  const preload = PROVIDER.test(path) ? { LD_PRELOAD: join(dirname(path), SHARED_PROVIDER) } : {};
  const { stdout, stderr, error } = spawnSync('ldd', ['-r', path], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', ...preload },
  });
  if (error !== undefined) throw error;
  const lines = `${stdout}\n${stderr}`.split('\n');
  const libraries = lines.map((line) => /^\s*(\S+) => not found/.exec(line)?.[1]).filter((name) => name !== undefined);
  // Without them hundreds of symbols are missing, too.
  if (libraries.length > 0) return libraries.map((name) => `${path}: the library ${name} is not found`);
  return lines.flatMap((line) => {
    const symbol = /^undefined symbol: ([^\s,]+)/.exec(line)?.[1];
    if (symbol === undefined) {
      return /not found|not defined|cannot be preloaded/.test(line) ? [`${path}: ${line.trim()}`] : [];
    }
    const given = FROM_THE_HOST.some((rule) => rule.plugin.test(path) && rule.symbol.test(symbol));
    return given ? [] : [`${path}: the symbol ${symbol} is not found`];
  });
}

/** `GLIBC_2.35` → `['GLIBC', '2.35']` */
function splitVersion(text: string): [name: string, version: string] {
  const at = text.indexOf('_');
  return [text.slice(0, at), text.slice(at + 1)];
}

function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
