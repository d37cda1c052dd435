/** Reads NumPy's `.npz` and `.npy` files (numpy.lib.format 1.0 and 2.0): little endian, C order. */
import { inflateRawSync } from 'node:zlib';

export interface NpyArray {
  /** Empty for a scalar. */
  shape: readonly number[];
  /** Row by row; booleans as 0 and 1. */
  data: Float32Array | Float64Array | BigInt64Array | Uint8Array | Int8Array;
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_ENTRY = 0x04034b50;
const STORED = 0;
const DEFLATED = 8;

/**
 * Its arrays by name (without `.npy`).
 * @throws Error for what is no such file, or uses what numpy.savez does not write (encryption, ZIP64 sizes).
 */
export function readNpz(file: Uint8Array): Map<string, NpyArray> {
  const zip = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0 || end + 22 > zip.length || zip.readUInt32LE(end) !== END_OF_DIRECTORY) {
    throw new Error('Not an .npz file: it has no ZIP directory');
  }
  const arrays = new Map<string, NpyArray>();
  let at = zip.readUInt32LE(end + 16);
  for (let entry = 0; entry < zip.readUInt16LE(end + 10); entry++) {
    if (zip.readUInt32LE(at) !== DIRECTORY_ENTRY) throw new Error('The .npz file is damaged: its directory is cut');
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    arrays.set(name.replace(/\.npy$/, ''), readNpy(readEntry(zip, at, name)));
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return arrays;
}

/** The array of that name. @throws Error when it is absent or its shape is another. */
export function arrayOf(arrays: ReadonlyMap<string, NpyArray>, name: string, shape?: readonly number[]): NpyArray {
  const array = arrays.get(name);
  if (array === undefined) throw new Error(`The array '${name}' is missing; there are: ${[...arrays.keys()]}`);
  if (shape !== undefined && shape.join() !== array.shape.join()) {
    throw new Error(`The array '${name}' has the shape [${array.shape}], not [${shape}]`);
  }
  return array;
}

/** A copy as 64-bit floats. */
export function toFloat64({ data }: NpyArray): Float64Array {
  return data instanceof BigInt64Array ? Float64Array.from(data, Number) : Float64Array.from(data);
}

function readEntry(zip: Buffer, at: number, name: string): Buffer {
  const flags = zip.readUInt16LE(at + 8);
  const method = zip.readUInt16LE(at + 10);
  const packed = zip.readUInt32LE(at + 20);
  const size = zip.readUInt32LE(at + 24);
  const local = zip.readUInt32LE(at + 42);
  if ((flags & 1) !== 0) throw new Error(`'${name}' of the .npz file is encrypted`);
  if (Math.max(packed, size, local) === 0xffffffff) throw new Error(`'${name}' of the .npz file uses ZIP64`);
  if (zip.readUInt32LE(local) !== LOCAL_ENTRY) throw new Error(`The .npz file is damaged at '${name}'`);
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  if (start + packed > zip.length) throw new Error(`The .npz file is cut within '${name}'`);
  const body = zip.subarray(start, start + packed);
  if (method !== STORED && method !== DEFLATED) {
    throw new Error(`'${name}' of the .npz file is packed by the unknown method ${method}`);
  }
  // The stated size bounds what is unpacked.
  const content = method === STORED ? body : inflateRawSync(body, { maxOutputLength: Math.max(1, size) });
  if (content.length !== size) throw new Error(`'${name}' of the .npz file has ${content.length} bytes, not ${size}`);
  return content;
}

/** @throws Error for other dtypes than f4, f8, i8, u1, i1, b1, for big endian and for Fortran order. */
export function readNpy(file: Uint8Array): NpyArray {
  const npy = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (npy.toString('latin1', 0, 6) !== '\x93NUMPY') throw new Error('Not an .npy file');
  const version = npy[6];
  if (version !== 1 && version !== 2) throw new Error(`The version ${version} of .npy files is not known`);
  const begin = version === 1 ? 10 : 12;
  const bodyStart = begin + (version === 1 ? npy.readUInt16LE(8) : npy.readUInt32LE(8));
  const header = npy.toString('latin1', begin, bodyStart);
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const dimensions = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descr === undefined || dimensions === undefined) throw new Error(`An .npy header is not understood: ${header}`);
  if (/'fortran_order':\s*True/.test(header)) throw new Error('An .npy file in Fortran order is not supported');
  const shape = dimensions.split(',').flatMap((part) => (part.trim() === '' ? [] : [Number(part)]));
  const length = shape.reduce((product, size) => product * size, 1);
  // A copy of its own: typed arrays need an aligned start.
  const body = new Uint8Array(npy.subarray(bodyStart)).buffer;
  const data = viewOf(descr, body);
  if (data.length !== length) throw new Error(`An .npy file holds ${data.length} numbers where [${shape}] are due`);
  return { shape, data };
}

function viewOf(descr: string, body: ArrayBuffer): NpyArray['data'] {
  const size = Number(descr.slice(2));
  if (body.byteLength % size !== 0) throw new Error('An .npy file ends within a number');
  if (descr === '<f4') return new Float32Array(body);
  if (descr === '<f8') return new Float64Array(body);
  if (descr === '<i8') return new BigInt64Array(body);
  if (descr === '|u1' || descr === '|b1') return new Uint8Array(body);
  if (descr === '|i1') return new Int8Array(body);
  throw new Error(`The .npy dtype '${descr}' is not supported`);
}
