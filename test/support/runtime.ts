import { existsSync } from 'node:fs';
import { addonPlaces } from '../../src/native/addon.ts';
import { findRuntime } from '../../src/openvino-runtime/index.ts';
import type { Requirement } from './requirements.ts';

/** The addon and an OpenVINO for it, as a test finds them on this machine. */
export function nativeRuntime(): Requirement & { libraryPath: string } {
  const libraryPath = findRuntime({ remember: false })?.libraryPath ?? '';
  const isBuilt = addonPlaces().some((place) => existsSync(place));
  if (!isBuilt) return { met: false, reason: 'the native addon is not built', libraryPath };
  return { met: libraryPath !== '', reason: 'no OpenVINO runtime was found', libraryPath };
}
