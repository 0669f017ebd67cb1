import { Host } from 'wasi-nn-host';

const counter = `(module
  (memory (export "memory") 1)
  (global $count (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $count (i32.const 100)))
  (func (export "add") (param i32) (result i32)
    (global.set $count (i32.add (global.get $count) (local.get 0)))
    (global.get $count)))`;

const host = new Host();
const module = await host.compile(new TextEncoder().encode(counter));
const instance = await host.instantiate(module);
for (const step of [1, 10]) {
  const { results } = await instance.call('add', step, { timeoutMs: 30_000 });
  console.log(results);
}
await instance.memory.write(0, Buffer.from('hello'));
console.log(String(Buffer.from(await instance.memory.read(0, 5))));
await instance.dispose();
await host.close();
