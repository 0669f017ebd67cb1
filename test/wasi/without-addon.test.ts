import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();

it('runs guests over the file calls of Node where the addon is missing', async () => {
  process.env.WASI_NN_HOST_ADDON = join(newDirectory(), 'missing.node');
  const { loadAddon } = await import('../../src/native/addon.ts');
  expect(() => loadAddon()).toThrow('the native addon is not built');
  const { preview1Guest } = await import('../support/preview1-guest.ts');
  const hostPath = newDirectory();
  writeFileSync(join(hostPath, 'f'), 'hello');
  const guest = preview1Guest({ preopens: [{ kind: 'host', hostPath, guestPath: '/' }] });
  guest.put(0, 'fmade');
  expect(guest.call('path_filestat_get', 3, 0, 0, 1, 0x1000)).toBe(0);
  expect(guest.call('path_create_directory', 3, 1, 4)).toBe(0);
  expect(guest.call('clock_time_get', 1, 0n, 0x1000)).toBe(0);
  expect(guest.call('random_get', 0x1000, 10)).toBe(0);
  guest.preview1.dispose();
  expect(existsSync(join(hostPath, 'made'))).toBe(true);
});
