import { BackendError } from '../../errors.ts';
import type { ExecutionTarget } from '../backend.ts';

/**
 * OpenVINO's device for a target of wasi-nn.
 *
 * @param availableDevices asked only where the answer matters: looking for devices loads every plugin
 * @throws BackendError ERR_NN_UNSUPPORTED_TARGET
 */
export function deviceFor(target: ExecutionTarget, availableDevices: () => readonly string[]): string {
  if (target === 'cpu') return 'CPU';
  if (target === 'tpu') throw new BackendError('ERR_NN_UNSUPPORTED_TARGET', 'OpenVINO has no TPU device');
  const devices = availableDevices();
  if (devices.some((device) => device === 'GPU' || device.startsWith('GPU.'))) return 'GPU';
  const found = devices.length > 0 ? devices.join(', ') : 'none';
  throw new BackendError('ERR_NN_UNSUPPORTED_TARGET', `OpenVINO finds no GPU here (devices: ${found})`);
}
