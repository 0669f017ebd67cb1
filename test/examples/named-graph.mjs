import { Host } from 'wasi-nn-host';

const host = new Host({
  onRefused: ({ errnoName, reason }) => console.log(`${errnoName}: ${reason}`),
});
const { inputs, outputs } = await host.graphs.register('digits', { dir: 'fixtures/digits' });
console.log(inputs, outputs);
const guest = `(module
  (import "wasi_ephemeral_nn" "load_by_name" (func $load_by_name (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "digitsletters")
  (func (export "digits") (result i32) (call $load_by_name (i32.const 8) (i32.const 6) (i32.const 0)))
  (func (export "letters") (result i32) (call $load_by_name (i32.const 14) (i32.const 7) (i32.const 0))))`;
const module = await host.compile(new TextEncoder().encode(guest));
for (const name of ['digits', 'letters']) {
  const { results } = await host.run(module, { invoke: { name }, graphs: ['digits'] });
  console.log(`${name}: errno ${results}`);
}
host.dispose();
