import { Host, Pool } from 'wasi-nn-host';

const host = new Host();
const pool = new Pool(host, { threads: 2, defaults: { timeoutMs: 30_000, maxOutputBytes: 2 ** 20 } });
const classify = await host.compile('fixtures/classify.wasm');
const runs = [3, 7].map((digit) =>
  pool.run(classify, {
    args: ['fixture', `tensors/${digit}.f32`],
    preopens: [{ hostPath: 'fixtures/digits', guestPath: 'fixture', readOnly: true }],
    tenant: `customer of ${digit}`,
  }),
);
for (const { stdout, usage } of await Promise.all(runs)) {
  console.log(/InferenceResult\(\d/.exec(String(stdout))?.[0], usage.mode);
}

const endless = await host.compile(new TextEncoder().encode('(module (func (export "_start") (loop (br 0))))'));
try {
  await pool.run(endless, { timeoutMs: 100 });
} catch (error) {
  console.log(error.code);
}
await pool.close();
await host.close();
