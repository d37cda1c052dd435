/** NumPy's files, made here byte by byte. */
import { crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { arrayOf, readNpy, readNpz, toFloat64 } from '../../../backend/src/models/pyannote/npz.ts';

function npy(descr: string, shape: string, body: ArrayBufferView, { version = 1, fortran = 'False' } = {}): Buffer {
  const header = Buffer.from(`{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`);
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(header.length);
  else length.writeUInt32LE(header.length);
  const magic = Buffer.from([0x93, ...Buffer.from('NUMPY'), version, 0]);
  return Buffer.concat([magic, length, header, Buffer.from(body.buffer, body.byteOffset, body.byteLength)]);
}

/** As numpy.savez (stored) and savez_compressed write them, with the local sizes in a ZIP64 field. */
function npz(entries: Record<string, Buffer>, { deflate = false, comment = '' } = {}): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(entries)) {
    const packed = deflate ? deflateRawSync(content) : content;
    const extra = Buffer.alloc(20);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(deflate ? 8 : 0, 4);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(0xffffffff, 14);
    common.writeUInt32LE(0xffffffff, 18);
    common.writeUInt16LE(name.length, 22);
    common.writeUInt16LE(extra.length, 24);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), extra, packed]);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(0, 24);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), common, rest, Buffer.from(name));
    locals.push(local);
    offset += local.length;
  }
  const end = Buffer.alloc(18 + comment.length, comment, 'latin1');
  end.fill(0, 0, 18);
  end.write(comment, 18, 'latin1');
  end.writeUInt16LE(Object.keys(entries).length, 4);
  end.writeUInt16LE(Object.keys(entries).length, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(offset, 12);
  end.writeUInt16LE(comment.length, 16);
  return Buffer.concat([...locals, ...directory, Buffer.from('PK\x05\x06'), end]);
}

describe('npy', () => {
  it.each([
    ['<f4', new Float32Array([1.5, -2])],
    ['<f8', new Float64Array([1e-300, 2])],
    ['<i8', new BigInt64Array([-1n, 2n ** 40n])],
    ['|u1', new Uint8Array([0, 255])],
    ['|i1', new Int8Array([-2, 1])],
    ['|b1', new Uint8Array([1, 0])],
  ])('%s', (descr, data) => {
    for (const version of [1, 2]) expect(readNpy(npy(descr, '(2,)', data, { version }))).toEqual({ shape: [2], data });
  });

  it('shapes: a matrix, a scalar, nothing', () => {
    expect(readNpy(npy('<f4', '(2, 3)', new Float32Array(6))).shape).toEqual([2, 3]);
    expect(readNpy(npy('<f8', '()', new Float64Array([0.6])))).toEqual({ shape: [], data: new Float64Array([0.6]) });
    expect(readNpy(npy('<f8', '(0, 4)', new Float64Array(0))).data).toHaveLength(0);
  });

  it('refuses what it would misread', () => {
    const numbers = new Float32Array(4);
    expect(() => readNpy(Buffer.from('PK\x03\x04 and more'))).toThrow('Not an .npy file');
    expect(() => readNpy(npy('<f4', '(4,)', numbers, { version: 3 }))).toThrow('version 3');
    expect(() => readNpy(npy('<f4', '(2, 2)', numbers, { fortran: 'True' }))).toThrow('Fortran');
    expect(() => readNpy(npy('>f4', '(4,)', numbers))).toThrow("'>f4'");
    expect(() => readNpy(npy('<f4', '(5,)', numbers))).toThrow('holds 4 numbers');
    expect(() => readNpy(npy('<f4', '(4,)', new Uint8Array(15)))).toThrow('within a number');
  });
});

describe('npz', () => {
  const arrays = {
    'mu.npy': npy('<f8', '(3,)', new Float64Array([1, 2, 3])),
    'steps.npy': npy('<i8', '()', new BigInt64Array([20n])),
  };

  it.each([{}, { deflate: true }, { comment: 'made by hand' }])('%o', (options) => {
    const read = readNpz(npz(arrays, options));
    expect([...read.keys()]).toEqual(['mu', 'steps']);
    expect(toFloat64(arrayOf(read, 'mu', [3]))).toEqual(new Float64Array([1, 2, 3]));
    expect(toFloat64(arrayOf(read, 'steps'))).toEqual(new Float64Array([20]));
  });

  it('names what is missing or of another shape', () => {
    const read = readNpz(npz(arrays));
    expect(() => arrayOf(read, 'psi')).toThrow("'psi' is missing; there are: mu,steps");
    expect(() => arrayOf(read, 'mu', [128])).toThrow('has the shape [3], not [128]');
  });

  it('a cut or damaged file is an error, wherever it was cut', () => {
    const whole = npz(arrays, { deflate: true });
    for (let length = 0; length < whole.length; length++) expect(() => readNpz(whole.subarray(0, length))).toThrow();
    for (const deflate of [true, false]) {
      const longer = npz(arrays, { deflate });
      const size = longer.indexOf('PK\x01\x02') + 24;
      longer.writeUInt32LE(longer.readUInt32LE(size) - 1, size);
      expect(() => readNpz(longer)).toThrow();
    }
  });
});
