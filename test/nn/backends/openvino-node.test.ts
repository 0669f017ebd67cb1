import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { OpenVinoNodeBackend } from '../../../src/nn/backends/openvino-node/backend.ts';
import type { OvAddon, OvCompiledModel, OvCore } from '../../../src/nn/backends/openvino-node/binding.ts';
import { openVinoNodeDouble } from '../../support/openvino-node-double.ts';
import { reluTfLite } from '../../support/tflite-models.ts';
import { f32, smallModel } from '../abi/guest.ts';
import { codeOf, outputOf, row } from '../backend-contract.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Lets the collector take whatever nobody holds: what a turn has looked at stays until the turn ends. */
async function collectAll(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
}

function backendOver(addon: OvAddon = openVinoNodeDouble()): OpenVinoNodeBackend {
  return new OpenVinoNodeBackend({ addon: () => addon, insideWorker: true });
}

function contextOf(backend: OpenVinoNodeBackend, model: string) {
  return backend.load(smallModel(model), { encoding: 'openvino', target: 'cpu' }).initExecutionContext();
}

describe('the double of openvino-node', () => {
  it('loses the memory of a tensor whose array nobody holds', async () => {
    const { Tensor } = openVinoNodeDouble();
    const lost = new Tensor('u8', [4], Uint8Array.of(1, 2, 3, 4));
    const array = Uint8Array.of(1, 2, 3, 4);
    const kept = new Tensor('u8', [4], array);
    await collectAll();
    expect(kept.data).toEqual(array);
    expect(lost.data).not.toEqual(array);
  });

  it('refuses views, halves and empty arrays', () => {
    const { Tensor } = openVinoNodeDouble();
    const buffer = new ArrayBuffer(32);
    expect(() => new Tensor('f32', [4], new Float32Array(buffer, 16))).toThrow('byteOffset');
    expect(() => new Tensor('f32', [4], new Float32Array(buffer, 0, 4))).toThrow('size');
    expect(() => new Tensor('f32', [0], new Float32Array(0))).toThrow('NULL');
    expect(() => new Tensor('f16', [4])).toThrow('element::Type');
  });
});

describe('openvino-node', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('keeps the memory of its inputs alive', async () => {
    const context = contextOf(backendOver(), 'add');
    context.setInput(0, row(f32(1, 2, 3, 4)));
    context.setInput(1, row(f32(10, 20, 30, 40)));
    await collectAll();
    context.compute();
    expect(outputOf(context, 0)).toEqual(f32(11, 22, 33, 44));
    context.setInput(0, row(f32(5, 6, 7, 8)));
    await collectAll();
    context.compute();
    expect(outputOf(context, 0)).toEqual(f32(15, 26, 37, 48));
  });

  it('uses one buffer again while type and dimensions stay', () => {
    const addon = openVinoNodeDouble();
    let made = 0;
    const { Tensor } = addon;
    const counting: OvAddon = {
      ...addon,
      Tensor: new Proxy(Tensor, {
        construct(target, args) {
          made++;
          return Reflect.construct(target, args);
        },
      }),
    };
    const context = contextOf(backendOver(counting), 'dynamic-batch');
    for (let round = 0; round < 10; round++) context.setInput(0, row(f32(round, 0, 0, 0)));
    expect(made).toBe(1);
    context.setInput(0, { dimensions: [2, 4], elementType: 'f32', data: new Uint8Array(32) });
    expect(made).toBe(2);
  });

  it('passes dimensions only where the package keeps their sign', () => {
    const context = contextOf(backendOver(), 'dynamic-batch');
    const tensor = { dimensions: [0x8000_0000, 0], elementType: 'f32' as const, data: new Uint8Array(0) };
    expect(codeOf(() => context.setInput(0, tensor))).toBe('ERR_NN_TENSOR_MISMATCH');
  });

  it('reads TensorFlow Lite through a file that is gone afterwards, also when reading fails', () => {
    const folder = mkdtempSync(join(tmpdir(), 'openvino-node-'));
    vi.stubEnv('TMPDIR', folder);
    const load = () => backendOver().load([reluTfLite()], { encoding: 'tensorflowlite', target: 'cpu' });
    expect(codeOf(load)).toBe('ERR_NN_INVALID_MODEL');
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it('never leaves the runtime to look for the weights of an IR in a file', () => {
    const addon = openVinoNodeDouble();
    const weightBytes: (number | undefined)[] = [];
    class Core extends addon.Core {
      override readModelSync(model: Uint8Array | string, weights?: Uint8Array | string) {
        weightBytes.push(weights?.length);
        return super.readModelSync(model, weights);
      }
    }
    const backend = backendOver({ ...addon, Core });
    const [xml] = smallModel('relu') as [Uint8Array];
    backend.load([xml, new Uint8Array(0)], { encoding: 'openvino', target: 'cpu' });
    backend.load([xml], { encoding: 'autodetect', target: 'cpu' });
    expect(weightBytes).toEqual([1, 1]);
  });

  it('shows zeros after a computation that failed, and not the outputs of the one before', () => {
    const addon = openVinoNodeDouble();
    let isBroken = false;
    class Core extends addon.Core {
      override compileModelSync(...args: Parameters<OvCore['compileModelSync']>): OvCompiledModel {
        const compiled = super.compileModelSync(...args);
        const createInferRequest = () => {
          const request = compiled.createInferRequest();
          const infer = request.infer.bind(request);
          request.infer = () => {
            if (isBroken) throw new Error('the runtime failed');
            return infer();
          };
          return request;
        };
        return { inputs: compiled.inputs, outputs: compiled.outputs, createInferRequest };
      }
    }
    const context = contextOf(backendOver({ ...addon, Core }), 'relu');
    context.setInput(0, row(f32(1, 2, 3, 4)));
    context.compute();
    expect(outputOf(context, 0)).toEqual(f32(1, 2, 3, 4));
    isBroken = true;
    expect(codeOf(() => context.compute())).toBe('ERR_NN_INFER');
    expect(outputOf(context, 0)).toEqual(f32(0, 0, 0, 0));
    isBroken = false;
    context.compute();
    expect(outputOf(context, 0)).toEqual(f32(1, 2, 3, 4));
  });

  it('answers what the package throws in many lines with one', () => {
    const core = class {
      getAvailableDevices = () => ['CPU'];
      readModelSync = () => {
        throw new Error(`Exception from src/core.cpp:84:\nCheck 'false' failed\n${'trace\n'.repeat(500)}`);
      };
      compileModelSync = () => {
        throw new Error('not reached');
      };
    };
    const backend = backendOver({ ...openVinoNodeDouble(), Core: core });
    try {
      backend.load(smallModel('relu'), { encoding: 'openvino', target: 'cpu' });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_NN_INVALID_MODEL', cause: expect.any(Error) });
      expect((error as Error).message).not.toContain('\n');
    }
  });

  it('refuses properties that the runtime does not know', () => {
    const options = { encoding: 'openvino', target: 'cpu', properties: { NO_SUCH: '1' } } as const;
    expect(codeOf(() => backendOver().load(smallModel('relu'), options))).toBe('ERR_NN_COMPILE');
  });

  it('is not used in a worker thread, whose end would be the end of the process', async () => {
    const entryPoint = fileURLToPath(new URL('../../../src/nn/backends/openvino-node/binding.ts', import.meta.url));
    const folder = mkdtempSync(join(tmpdir(), 'worker-'));
    const outfile = join(folder, 'binding.mjs');
    await build({ entryPoints: [entryPoint], bundle: true, platform: 'node', format: 'esm', outfile });
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads');
       import(${JSON.stringify(pathToFileURL(outfile).href)}).then(({ loadOpenVinoNode }) => {
         try { loadOpenVinoNode(false); } catch (error) { parentPort.postMessage(error.code + ': ' + error.message); }
       });`,
      { eval: true },
    );
    const [message] = await once(worker, 'message');
    await worker.terminate();
    rmSync(folder, { recursive: true });
    expect(message).toMatch(/^ERR_NN_BACKEND_UNAVAILABLE: openvino-node is not used in worker threads/);
  });
});
