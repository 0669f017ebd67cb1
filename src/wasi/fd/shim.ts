import type { Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import type { Descriptor } from './descriptor.ts';
export function fromShim(_fd: ShimFd): Descriptor {
  throw new Error('todo');
}
