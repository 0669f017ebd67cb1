import { Host } from 'wasi-nn-host';

const host = new Host();
const module = await host.compile('fixtures/classify.wasm');
const { exitCode, stdout } = await host.run(module, {
  args: ['fixture', 'tensors/3.f32'],
  preopens: [{ hostPath: 'fixtures/digits', guestPath: 'fixture', readOnly: true }],
});
console.log(exitCode, String(stdout).split('\n').at(-2));
host.dispose();
