/** A QuickTime file whose sound lies in another file, as the format allows: ours must never open that other file. */

/** `path` → a mov's `alis` data reference to it (an Apple alias record as ffmpeg's `mov_read_dref` reads it). */
function aliasReference(path: string): Buffer {
  const name = Buffer.from(path, 'utf8');
  const alias = Buffer.alloc(150 + 4 + name.length + (name.length % 2) + 4);
  alias.writeInt16BE(1, 128 + 2); // levels from and to a common folder: any positive value
  alias.writeInt16BE(1, 128 + 4);
  let at = 150;
  for (const [type, body] of [
    [2, name], // absolute path
    [-1, Buffer.alloc(0)],
  ] as const) {
    alias.writeInt16BE(type, at);
    alias.writeUInt16BE(body.length, at + 2);
    body.copy(alias, at + 4);
    at += 4 + body.length + (body.length % 2);
  }
  const entry = Buffer.alloc(12);
  entry.writeUInt32BE(12 + alias.length, 0);
  entry.write('alis', 4, 'latin1');
  return Buffer.concat([entry, alias]); // version and flags 0: the media is not in this file
}

/** Rewrites a mov written by ffmpeg (index at the end): its first track's samples are now read from `path`. */
export function movWithAlias(mov: Buffer, path: string): Buffer {
  const dref = findBox(mov, 'dref');
  const reference = aliasReference(path);
  const box = Buffer.alloc(16);
  box.writeUInt32BE(16 + reference.length, 0);
  box.write('dref', 4, 'latin1');
  box.writeUInt32BE(1, 12); // one entry
  const oldSize = mov.readUInt32BE(dref);
  const result = Buffer.concat([mov.subarray(0, dref), box, reference, mov.subarray(dref + oldSize)]);
  const growth = 16 + reference.length - oldSize;
  for (const name of ['moov', 'trak', 'mdia', 'minf', 'dinf']) {
    const parent = findBox(mov, name);
    result.writeUInt32BE(mov.readUInt32BE(parent) + growth, parent);
  }
  return result;
}

/** Offset of the last box of that name: after the samples, in which the name may occur by chance. */
function findBox(mov: Buffer, name: string): number {
  const at = mov.lastIndexOf(Buffer.from(name, 'latin1'));
  if (at < 4) throw new Error(`no ${name} box`);
  return at - 4;
}
