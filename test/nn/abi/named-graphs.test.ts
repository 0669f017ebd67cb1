import { afterEach, describe, expect, it } from 'vitest';
import { ERRNO } from '../../../src/nn/abi/witx.ts';
import { AT, smallModel, TestGuest, utf8 } from './guest.ts';

const { success, invalid_argument, unsupported_operation } = ERRNO;

describe('named graphs', () => {
  const registered = new TestGuest();
  registered.load('relu');
  const graph = registered.backend.load(smallModel('relu'), { encoding: 'openvino', target: 'cpu' });
  const compiled: Record<string, string>[] = [];
  const registry = {
    get: (name: string) => (name === 'relu' ? graph : undefined),
    compile: (name: string, properties: Readonly<Record<string, string>>) => {
      compiled.push(properties);
      return name === 'relu'
        ? registered.backend.load(smallModel('relu'), { encoding: 'openvino', target: 'cpu' })
        : undefined;
    },
  };
  afterEach(() => {
    compiled.length = 0;
  });

  function loadByName(guest: TestGuest, name: Uint8Array): number {
    guest.write(AT.name, name);
    return guest.call('load_by_name', [AT.name, name.byteLength, AT.graph], [[AT.graph, 4]]);
  }

  it('are found by name, with a handle for each call', () => {
    const guest = new TestGuest({ nn: { registry } });
    expect(loadByName(guest, utf8('relu'))).toBe(success);
    expect(loadByName(guest, utf8('relu'))).toBe(success);
    expect(guest.readU32(AT.graph)).toBe(1);
    expect(guest.setInput(guest.init(1))).toBe(success);
  });

  it('stay when a guest unloads them', () => {
    const guest = new TestGuest({ nn: { registry } });
    loadByName(guest, utf8('relu'));
    guest.call('unload', [0]);
    guest.nn.dispose();
    expect(loadByName(new TestGuest({ nn: { registry } }), utf8('relu'))).toBe(success);
  });

  it.each(['', 'Relu', 'relu\0', '../relu', 'x'.repeat(3000)])('%j is no registered name', (name) => {
    const guest = new TestGuest({ nn: { registry } });
    expect(loadByName(guest, utf8(name))).toBe(unsupported_operation);
    expect(guest.refusal().reason.length).toBeLessThan(200);
  });

  it.each([[[0xff, 0xfe]], [[0xc0, 0x80]], [[0xed, 0xa0, 0x80]], [[0x72, 0xe2, 0x82]]])('%j is not UTF-8', (bytes) => {
    const guest = new TestGuest({ nn: { registry } });
    expect(loadByName(guest, Uint8Array.from(bytes))).toBe(invalid_argument);
    expect(guest.refusal().reason).toBe('load_by_name: the name is not UTF-8');
  });

  function loadWithConfig(config: string, allowedGuestProperties?: string[]): number {
    const guest = new TestGuest({ nn: { registry, ...(allowedGuestProperties && { allowedGuestProperties }) } });
    guest.write(AT.name, utf8('relu'));
    guest.write(AT.model, utf8(config));
    const args = [AT.name, 4, AT.model, utf8(config).byteLength, AT.graph];
    return guest.call('load_by_name_with_config', args, [[AT.graph, 4]]);
  }

  it('take properties that the host allows', () => {
    const config = JSON.stringify({ PERFORMANCE_HINT: 'LATENCY', NUM_STREAMS: 2, ENABLE_MMAP: false });
    expect(loadWithConfig(config, ['PERFORMANCE_HINT', 'NUM_STREAMS', 'ENABLE_MMAP'])).toBe(success);
    expect(compiled).toEqual([{ PERFORMANCE_HINT: 'LATENCY', NUM_STREAMS: '2', ENABLE_MMAP: 'NO' }]);
  });

  it.each(['', ' ', '{}'])('are the registered ones with config %j', (config) => {
    expect(loadWithConfig(config)).toBe(success);
    expect(compiled).toEqual([]);
  });

  it.each([
    '{"CACHE_DIR":"/"}',
    '{"__proto__":"x"}',
    '{"A":null}',
    '{"A":{}}',
    '[]',
    '1',
    '"A"',
    '{',
    'null',
    '\ud800',
  ])('refuse config %s', (config) => {
    expect(loadWithConfig(config, ['A'])).toBe(invalid_argument);
    expect(compiled).toEqual([]);
  });
});
