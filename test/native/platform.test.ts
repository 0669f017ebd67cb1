import { expect, it } from 'vitest';
import { loadAddon } from '../../src/native/addon.ts';

it('says where it is not supported, and looks for no addon there', () => {
  const platform = Object.getOwnPropertyDescriptor(process, 'platform') as PropertyDescriptor;
  Object.defineProperty(process, 'platform', { ...platform, value: 'aix' });
  try {
    expect(loadAddon).toThrow(
      expect.objectContaining({
        code: 'ERR_ADDON_UNAVAILABLE',
        message: 'aix is not supported: Linux is, and macOS has code that was never run',
      }),
    );
  } finally {
    Object.defineProperty(process, 'platform', platform);
  }
});
