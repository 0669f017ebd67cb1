/** How the scripts beside this one get the addon's OpenVINO room: paths of addon and runtime are their first arguments. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const FIXTURES = fileURLToPath(new URL('../../../../fixtures/', import.meta.url));

export function openAddon(addonPath, libraryPath) {
  const addon = createRequire(import.meta.url)(addonPath);
  addon.initialize((code, message) => Object.assign(new Error(message), { code }));
  addon.openvino.open(libraryPath);
  return addon;
}

export const openRoom = (addonPath, libraryPath) => openAddon(addonPath, libraryPath).openvino;

export const fixture = (path) => readFileSync(`${FIXTURES}${path}`);
export const smallModel = (name) => [fixture(`models/${name}/model.xml`), fixture(`models/${name}/model.bin`)];
export const digits = {
  ir: () => [fixture('digits/model.xml'), fixture('digits/model.bin')],
  onnx: () => [fixture('digits/model.onnx')],
  tensorflow: () => [fixture('digits/model.pb')],
  tensorflowlite: () => [fixture('digits/model.tflite')],
};

/** What a call throws, by code or kind. */
export function thrownBy(call) {
  try {
    call();
  } catch (error) {
    return error.code ?? error.name;
  }
  return 'nothing';
}
