/** What an ELF file asks of the system it is loaded on. Layout: elf(5), and the LSB's chapter on symbol versioning. */
import { closeSync, openSync, readSync } from 'node:fs';

export interface ElfFile {
  /** As Node names it (`process.arch`); undefined for a processor that Node has no name for here. */
  arch: string | undefined;
  /** False for a static program, which asks for nothing. */
  dynamic: boolean;
  /** Versions of symbols it needs of other libraries, such as `GLIBC_2.28`. */
  needs: string[];
}

const MACHINES: Record<number, string> = { 62: 'x64', 183: 'arm64' };
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_VERNEED = 0x6ffffffe;
const DT_VERNEEDNUM = 0x6fffffff;

interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

/** undefined when the file is no ELF file of 64 bits, little-endian. Reads a few kilobytes, however large the file. */
export function readElf(path: string): ElfFile | undefined {
  const descriptor = openSync(path, 'r');
  const read = (offset: number, length: number) => {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
  };
  try {
    const header = read(0, 64);
    if (header.length < 64 || header.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return undefined;
    const segments = readSegments(header, read);
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
    return {
      arch: MACHINES[header.readUInt16LE(18)],
      dynamic: dynamic !== undefined,
      needs: dynamic === undefined ? [] : readNeeds(read(dynamic.offset, dynamic.size), segments, read),
    };
  } finally {
    closeSync(descriptor);
  }
}

type Read = (offset: number, length: number) => Buffer;

function readSegments(header: Buffer, read: Read): Segment[] {
  const entrySize = header.readUInt16LE(54);
  const count = header.readUInt16LE(56);
  const table = read(Number(header.readBigUInt64LE(32)), entrySize * count);
  return Array.from({ length: count }, (_, index) => {
    const at = index * entrySize;
    return {
      type: table.readUInt32LE(at),
      offset: Number(table.readBigUInt64LE(at + 8)),
      address: Number(table.readBigUInt64LE(at + 16)),
      size: Number(table.readBigUInt64LE(at + 32)),
    };
  });
}

function readNeeds(dynamic: Buffer, segments: readonly Segment[], read: Read): string[] {
  const entries = new Map<number, number>();
  for (let at = 0; at + 16 <= dynamic.length; at += 16) {
    entries.set(Number(dynamic.readBigUInt64LE(at)), Number(dynamic.readBigUInt64LE(at + 8)));
  }
  const offsetOf = (address: number) => {
    const home = segments.find((s) => s.type === PT_LOAD && address >= s.address && address < s.address + s.size);
    if (home === undefined) throw new Error(`nothing of the file is loaded at 0x${address.toString(16)}`);
    return address - home.address + home.offset;
  };
  const first = entries.get(DT_VERNEED);
  const names = entries.get(DT_STRTAB);
  if (first === undefined || names === undefined) return [];
  const strings = read(offsetOf(names), entries.get(DT_STRSZ) ?? 0);
  const nameAt = (offset: number) => strings.toString('latin1', offset, strings.indexOf(0, offset));

  const needs: string[] = [];
  let library = offsetOf(first);
  for (let left = entries.get(DT_VERNEEDNUM) ?? 0; left > 0; left--) {
    // Elf64_Verneed: how many versions follow (at 2), where the first (8) and the next library (12) are, from here.
    const verneed = read(library, 16);
    let version = library + verneed.readUInt32LE(8);
    for (let versions = verneed.readUInt16LE(2); versions > 0; versions--) {
      // Elf64_Vernaux: its name (at 8), and where the next is (12).
      const vernaux = read(version, 16);
      needs.push(nameAt(vernaux.readUInt32LE(8)));
      version += vernaux.readUInt32LE(12);
    }
    library += verneed.readUInt32LE(12);
  }
  return needs;
}
