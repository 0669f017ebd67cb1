import { createRequire } from 'node:module';
import { describe } from 'vitest';
import { NativeBackend } from '../../src/nn/backends/openvino/backend.ts';
import { OpenVinoNodeBackend } from '../../src/nn/backends/openvino-node/backend.ts';
import { fakeBackend } from '../support/fake-backend.ts';
import { openVinoNodeDouble } from '../support/openvino-node-double.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { describeBackend } from './backend-contract.ts';

const EVERY_TYPE = ['f16', 'f32', 'f64', 'u8', 'i32', 'i64'] as const;
const NO_HALVES = ['f32', 'f64', 'u8', 'i32', 'i64'] as const;

describeBackend('of the tests', () => fakeBackend(), { elementTypes: EVERY_TYPE, unnamedOutputs: true, files: false });

describeBackend(
  'openvino-node, with a double of the package',
  () => new OpenVinoNodeBackend({ addon: openVinoNodeDouble, insideWorker: true }),
  { elementTypes: NO_HALVES, unnamedOutputs: false, files: true },
);

const runtime = nativeRuntime();
describe.skipIf(skipUnless(runtime))('with OpenVINO', () => {
  describeBackend('native', () => new NativeBackend({ libraryPath: runtime.libraryPath }), {
    elementTypes: EVERY_TYPE,
    unnamedOutputs: true,
    files: true,
  });
});

// The package's binary cannot be had everywhere and is not demanded anywhere: no requirement, but never a silent pass.
const isInstalled = canLoad('openvino-node');
describe.skipIf(!isInstalled)('with the package openvino-node', () => {
  describeBackend('openvino-node', () => new OpenVinoNodeBackend({ insideWorker: true }), {
    elementTypes: NO_HALVES,
    unnamedOutputs: false,
    files: true,
  });
});
if (!isInstalled) console.warn('skipped: the package openvino-node is not installed with its binary');

function canLoad(name: string): boolean {
  try {
    createRequire(import.meta.url)(name);
    return true;
  } catch {
    return false;
  }
}
