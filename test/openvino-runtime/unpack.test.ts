import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { unpackedName, unpackRuntime } from '../../src/openvino-runtime/unpack.ts';
import { temporaryFolder } from './support.ts';
import { type ArchiveEntries, WHEEL_ENTRIES, zipArchive } from './wheel-archive.ts';

async function unpack(entries: ArchiveEntries): Promise<{ folder: string; target: string }> {
  const folder = temporaryFolder();
  const target = join(folder, 'target');
  mkdirSync(target);
  writeFileSync(join(folder, 'wheel.whl'), zipArchive(entries));
  await unpackRuntime(join(folder, 'wheel.whl'), target);
  return { folder, target };
}

function filesUnder(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => statSync(join(folder, name)).isFile()).sort();
}

describe('unpacking a wheel', () => {
  test('keeps the libraries that are needed, and the licences', async () => {
    const { target } = await unpack(WHEEL_ENTRIES);
    expect(filesUnder(target)).toEqual([
      'libopenvino.so.2641',
      'libopenvino_c.so.2641',
      'libopenvino_intel_cpu_plugin.so',
      'libopenvino_ir_frontend.so.2641',
      'libtbb.so.12',
      'licenses/LICENSE',
      'licenses/third-party.txt',
    ]);
    expect(readFileSync(join(target, 'libopenvino_c.so.2641'), 'utf8')).toBe('c');
    expect(readFileSync(join(target, 'licenses', 'third-party.txt'), 'utf8')).toBe('the others');
  });

  test.each([
    ['../../libopenvino.so'],
    ['openvino/libs/../../../libopenvino.so'],
    ['/tmp/libopenvino.so'],
    ['openvino/libs/..\\..\\libopenvino.so'],
    ['C:/libopenvino.so'],
  ])('an archive that holds %s is refused as a whole', async (name) => {
    await expect(unpack([[name, 'x']])).rejects.toThrow(/(relative path|absolute path|invalid characters)/);
  });

  test('a name that stands twice is refused', async () => {
    const twice = ['openvino/libs/libopenvino.so.2641', 'x'] as const;
    await expect(unpack([twice, twice])).rejects.toThrow('EEXIST');
  });

  test.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['empty', () => Buffer.alloc(0)],
    ['not an archive', () => Buffer.from('<html>not found</html>')],
    ['damaged', (bytes: Buffer) => Buffer.from(bytes).fill(0xff, 80, 90)],
  ])('an archive that is %s is an error', async (_title, damage) => {
    const folder = temporaryFolder();
    const file = join(folder, 'wheel.whl');
    const content: ArchiveEntries = [['openvino/libs/libopenvino.so.2641', 'abcdefghijklmnopqrstuvwxyz'.repeat(20)]];
    writeFileSync(file, damage(zipArchive(content)));
    mkdirSync(join(folder, 'target'));
    await expect(unpackRuntime(file, join(folder, 'target'))).rejects.toThrow();
  });

  test('what the observer throws ends the work', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'wheel.whl'), zipArchive(WHEEL_ENTRIES));
    mkdirSync(join(folder, 'target'));
    const seen: [string, number][] = [];
    const observe = (name: string, byteLength: number) => {
      seen.push([name, byteLength]);
      if (seen.length === 2) throw new Error('enough');
    };
    await expect(unpackRuntime(join(folder, 'wheel.whl'), join(folder, 'target'), observe)).rejects.toThrow('enough');
    expect(seen).toEqual([
      ['libopenvino.so.2641', 4],
      ['libopenvino_c.so.2641', 1],
    ]);
    expect(existsSync(join(folder, 'target', 'libopenvino_c.so.2641'))).toBe(false);
  });
});

describe('where an entry goes', () => {
  test.each([
    ['openvino/libs/libopenvino_arm_cpu_plugin.so', 'libopenvino_arm_cpu_plugin.so'],
    ['openvino/libs/libhwloc.so.15', 'libhwloc.so.15'],
    ['openvino/libs/libopenvino.2641.dylib', 'libopenvino.2641.dylib'],
    ['openvino/libs/libopenvino_tensorflow_lite_frontend.so.2641', 'libopenvino_tensorflow_lite_frontend.so.2641'],
    ['openvino/libs/libopenvino_gguf_frontend.so.2641', undefined],
    ['openvino/libs/libopenvino_jax_frontend.so.2641', undefined],
    ['openvino/libs/libopenvino_paddle_frontend.so.2641', undefined],
    ['openvino/libs/sub/libx.so', undefined],
    ['openvino/libs/.so', undefined],
    ['openvino/libs/..so', undefined],
    ['openvino/_pyopenvino.cpython-311-x86_64-linux-gnu.so', undefined],
    ['other/libs/libx.so', undefined],
    ['openvino-2026.4.1.dist-info/licenses/../../LICENSE', 'licenses/LICENSE'],
    ['openvino-2026.4.1.dist-info/licenses/..', undefined],
    ['openvino-2026.4.1.dist-info/METADATA', undefined],
  ])('%s', (entryName, expected) => {
    expect(unpackedName(entryName)).toBe(expected);
  });
});
