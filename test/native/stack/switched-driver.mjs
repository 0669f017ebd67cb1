/**
 * Calls a guest through `WebAssembly.promising`, on a stack that V8 makes for it, while the addon has set this thread's limit.
 *
 * node switched-driver.mjs ADDON MODULE_IN_BASE64 [flag of V8 …]
 */
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';

const [place, base64, ...flags] = process.argv.slice(2);
const { stack } = createRequire(import.meta.url)(place);
for (const flag of flags) setFlagsFromString(flag);

const module = new WebAssembly.Module(Buffer.from(base64, 'base64'));
const suspended = new WebAssembly.Suspending(async () => {});
const host = { room: () => stack.room(), suspend: suspended };
const { run, depth } = new WebAssembly.Instance(module, { host }).exports;
const promising = WebAssembly.promising(run);

/** Whether it returned, and how deep it was. */
async function outcomeOf(call, calls) {
  depth.value = 0;
  const ended = await call(calls).then(
    () => 'returned',
    (error) => `${error.name}: ${error.message}`,
  );
  return { ended, depth: depth.value };
}

const before = stack.enter(4 * 2 ** 20, true);
const inside = await outcomeOf(promising, -1);
const suspends = outcomeOf(promising, 2_000);
stack.leave(before);
const results = { inside, suspends: await suspends, after: await outcomeOf(promising, -1), plain: 0 };
const again = stack.enter(4 * 2 ** 20, true);
results.plain = (await outcomeOf(async (calls) => run(calls), 1)).ended;
stack.leave(again);
results.limitKept = before === again;
console.log(JSON.stringify(results));
