import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../../src/nn/abi/witx.ts';
import { AT, f32, smallModel, TestGuest, u32, utf8 } from './guest.ts';

const { success, invalid_argument } = ERRNO;
const PAGE_BYTES = 65536;

describe('a memory that grows between two calls', () => {
  it('is read where it is now', () => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    const detached = guest.memory.buffer;
    guest.memory.grow(16);
    expect(detached.byteLength).toBe(0);
    const far = 10 * PAGE_BYTES;
    guest.write(far, f32(-1, 2, -3, 4));
    guest.putTensor();
    guest.write(AT.tensor + 12, u32(far, 16));
    expect(guest.call('set_input', [context, 0, AT.tensor])).toBe(success);
    expect(guest.call('compute', [context])).toBe(success);
    guest.memory.grow(1);
    expect(guest.plainCall('get_output', context, 0, far + 64, 16, AT.written)).toBe(success);
    expect(guest.bytes(far + 64, 16)).toEqual(f32(0, 2, 0, 4));
  });
});

describe('a shared memory', () => {
  const make = () => new TestGuest({ memory: new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true }) });

  it('holds models, names, tensors and outputs', () => {
    const guest = make();
    const context = guest.contextOf('two-outputs');
    expect(guest.setInput(context, 0, { data: f32(1, 1, 2, 2) })).toBe(success);
    expect(guest.call('compute', [context])).toBe(success);
    expect(guest.getOutput(context, 4, 1)).toEqual(f32(6));
    guest.write(AT.name, utf8('näme'));
    guest.call('load_by_name', [AT.name, 5, AT.graph]);
    expect(guest.refusal().reason).toContain('näme');
    guest.write(AT.name, Uint8Array.of(0xff));
    expect(guest.call('load_by_name', [AT.name, 1, AT.graph])).toBe(invalid_argument);
  });
});

describe('a memory larger than 2 GiB', () => {
  const HIGH = 3 * 2 ** 30;
  // Its pages take no room until they are written.
  const memory = new WebAssembly.Memory({ initial: HIGH / PAGE_BYTES + 1, maximum: 65536 });

  it('is reached by pointers that are negative as i32', () => {
    const guest = new TestGuest({ memory });
    const at = (offset: number) => (HIGH + offset) | 0;
    expect(at(0)).toBeLessThan(0);
    const builders = smallModel('relu');
    let model = HIGH + AT.model;
    builders.forEach((bytes, index) => {
      guest.write(model, bytes);
      guest.write(HIGH + AT.builders + index * 8, u32(model, bytes.byteLength));
      model += bytes.byteLength;
    });
    expect(guest.plainCall('load', at(AT.builders), 2, 0, 0, at(AT.graph))).toBe(success);
    expect(guest.plainCall('init_execution_context', guest.readU32(HIGH + AT.graph), at(AT.context))).toBe(success);
    guest.write(HIGH + AT.dimensions, u32(1, 4));
    guest.write(HIGH + AT.data, f32(-1, 2, -3, 4));
    guest.write(HIGH + AT.tensor, u32(HIGH + AT.dimensions, 2, 1, HIGH + AT.data, 16));
    expect(guest.plainCall('set_input', 0, 0, at(AT.tensor))).toBe(success);
    expect(guest.plainCall('compute', 0)).toBe(success);
    expect(guest.plainCall('get_output', 0, 0, at(AT.output), 16, at(AT.written))).toBe(success);
    expect(guest.bytes(HIGH + AT.output, 16)).toEqual(f32(0, 2, 0, 4));
    expect(guest.readU32(HIGH + AT.written)).toBe(16);
  });

  it('ends where it ends', () => {
    const guest = new TestGuest({ memory });
    const end = memory.buffer.byteLength;
    expect(guest.plainCall('load_by_name', end | 0, 0, AT.graph)).toBe(ERRNO.unsupported_operation);
    expect(guest.plainCall('load_by_name', end | 0, 1, AT.graph)).toBe(invalid_argument);
    expect(guest.plainCall('load_by_name', (end - 1) | 0, 0x7fff_ffff, AT.graph)).toBe(invalid_argument);
  });

  it('is not read as one name', () => {
    const guest = new TestGuest({ memory });
    const args = [0, memory.buffer.byteLength | 0];
    expect(guest.plainCall('load_by_name', ...args, AT.graph)).toBe(ERRNO.unsupported_operation);
    expect(guest.plainCall('load_by_name_with_config', AT.name, 0, ...args, AT.graph)).toBe(invalid_argument);
    expect(guest.refusals.map((refusal) => refusal.reason)).toEqual([
      `load_by_name: the name has ${memory.buffer.byteLength} bytes, at most 65536 are read`,
      `load_by_name_with_config: the config has ${memory.buffer.byteLength} bytes, at most 65536 are read`,
    ]);
  });
});
