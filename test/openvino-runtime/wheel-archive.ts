import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import type { RuntimeWheel } from '../../src/openvino-runtime/wheel.ts';

/** Entries by name, in order; a name may stand twice. */
export type ArchiveEntries = readonly (readonly [name: string, content: string])[];

/** A zip archive whose names are written as they are given, unlike by any tool that checks them. */
export function zipArchive(entries: ArchiveEntries): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of entries) {
    const data = Buffer.from(content);
    const packed = deflateRawSync(data);
    const sizes = Buffer.alloc(16);
    // Method 8 is deflate; the time and date before the checksum stay zero.
    sizes.writeUInt32LE(crc32(data), 4);
    sizes.writeUInt32LE(packed.length, 8);
    sizes.writeUInt32LE(data.length, 12);
    const nameBytes = Buffer.from(name);
    const lengths = Buffer.alloc(4);
    lengths.writeUInt16LE(nameBytes.length, 0);
    const version = Buffer.from([20, 0, 0, 0, 8, 0]);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), version, sizes, lengths, nameBytes, packed]);
    const position = Buffer.alloc(4);
    position.writeUInt32LE(offset, 0);
    const header = [
      Buffer.from('PK\x01\x02'),
      Buffer.from([20, 0]),
      version,
      sizes,
      lengths,
      Buffer.alloc(10),
      position,
    ];
    directory.push(Buffer.concat([...header, nameBytes]));
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, central, end]);
}

const INFO = 'openvino-2026.4.1.dist-info';

/** What a wheel of OpenVINO holds, in a few bytes. */
export const WHEEL_ENTRIES: ArchiveEntries = [
  ['openvino/__init__.py', 'raise SystemExit'],
  ['openvino/libs/libopenvino.so.2641', 'core'],
  ['openvino/libs/libopenvino_c.so.2641', 'c'],
  ['openvino/libs/libopenvino_ir_frontend.so.2641', 'ir'],
  ['openvino/libs/libopenvino_pytorch_frontend.so.2641', 'pytorch'],
  ['openvino/libs/libopenvino_intel_cpu_plugin.so', 'cpu'],
  ['openvino/libs/libopenvino_intel_gpu_plugin.so', 'gpu'],
  ['openvino/libs/libopenvino_intel_npu_plugin.so', 'npu'],
  ['openvino/libs/libtbb.so.12', 'tbb'],
  ['openvino/libs/cache.json', '{}'],
  ['openvino/libs/tbb.pc', 'x'],
  [`${INFO}/METADATA`, 'Metadata-Version: 2.1\nName: openvino\nVersion: 2026.4.1\n'],
  [`${INFO}/WHEEL`, 'Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_28_x86_64\n'],
  [`${INFO}/licenses/LICENSE`, 'the licence'],
  [`${INFO}/licenses/licensing/third-party.txt`, 'the others'],
  [`${INFO}/RECORD`, ''],
];

export const WHEEL_NAME = 'openvino-2026.4.1-22982-cp311-cp311-manylinux_2_28_x86_64.whl';

export interface WheelOnDisk {
  folder: string;
  bytes: Buffer;
  /** What pins it. */
  wheel: RuntimeWheel;
}

/** Writes a wheel into `folder`, where pip finds it through PIP_FIND_LINKS. */
export function writeWheel(folder: string, entries: ArchiveEntries = WHEEL_ENTRIES): WheelOnDisk {
  const bytes = zipArchive(entries);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, WHEEL_NAME), bytes);
  return { folder, bytes, wheel: pinOf(bytes) };
}

function pinOf(bytes: Buffer): RuntimeWheel {
  return {
    version: '2026.4.1',
    pythonVersion: '3.11',
    platformTag: 'manylinux_2_28_x86_64',
    sha256: createHash('sha256').update(bytes).digest('hex'),
    byteLength: bytes.length,
    unpackedByteLength: 1000,
    glibc: '2.28',
  };
}
