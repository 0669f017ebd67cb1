/** Guests that call themselves, of the shapes that compilers emit. `run(n)` goes n calls deep, and for ever where n is -1. */

const times = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join(' ');
const less = '(i32.sub (local.get 0) (i32.const 1))';

/** A function of i32 that keeps `count` locals of a type over its call of itself, and adds them up after. */
function keeping(type: string, count: number, value: (index: number) => string, add: string): string {
  return `(func $f (param i32) (result ${type}) (local ${times(count, () => type)})
      ${times(count, (i) => `(local.set ${i + 1} ${value(i)})`)}
      (if (local.get 0) (then (local.set 1 (${add} (local.get 1) (call $f ${less})))))
      ${times(count, (i) => `(local.get ${i + 1})`)} ${times(count - 1, () => add)})
    (func (export "run") (param i32) (drop (call $f (local.get 0))))`;
}

export interface RecursionShape {
  text: string;
  /** The deepest that wasmtime 49 goes on x86-64 with its default stack of 512 KiB. */
  wasmtimeDepth: number;
}

const entry = '(func (export "run") (param i32) (call $f (local.get 0)))';

export const RECURSION_SHAPES: Readonly<Record<string, RecursionShape>> = {
  'no parameters': {
    text: `(module (global $n (mut i32) (i32.const 0))
      (func $f (if (global.get $n) (then (global.set $n (i32.sub (global.get $n) (i32.const 1))) (call $f))))
      (func (export "run") (param i32) (global.set $n (local.get 0)) (call $f)))`,
    wasmtimeDepth: 32_752,
  },
  'one parameter': {
    text: `(module (func $f (param i32) (if (local.get 0) (then (call $f ${less})))) ${entry})`,
    wasmtimeDepth: 32_751,
  },
  'two functions in turn': {
    text: `(module (func $f (param i32) (if (local.get 0) (then (call $g ${less}))))
      (func $g (param i32) (if (local.get 0) (then (call $f ${less})))) ${entry})`,
    wasmtimeDepth: 32_751,
  },
  call_indirect: {
    text: `(module (type $t (func (param i32))) (table 1 funcref) (elem (i32.const 0) $f)
      (func $f (param i32) (if (local.get 0) (then (call_indirect (type $t) ${less} (i32.const 0))))) ${entry})`,
    wasmtimeDepth: 16_375,
  },
  'four i64 locals': {
    text: `(module ${keeping('i64', 4, (i) => `(i64.mul (i64.extend_i32_s (local.get 0)) (i64.const ${i + 3}))`, 'i64.add')})`,
    wasmtimeDepth: 16_375,
  },
  'ten parameters': {
    text: `(module (func $f (param i32 ${times(9, () => 'i64')}) (result i64)
        (if (result i64) (local.get 0)
          (then (i64.add (local.get 9) (call $f ${less} ${times(9, (i) => `(i64.add (local.get ${i + 1}) (i64.const ${i}))`)})))
          (else (i64.const 1))))
      (func (export "run") (param i32) (drop (call $f (local.get 0) ${times(9, () => '(i64.const 5)')}))))`,
    wasmtimeDepth: 5_457,
  },
  'eight f64 locals': {
    text: `(module ${keeping('f64', 8, (i) => `(f64.mul (f64.convert_i32_s (local.get 0)) (f64.const ${i}.5))`, 'f64.add')})`,
    wasmtimeDepth: 10_916,
  },
  'four v128 locals': {
    text: `(module ${keeping('v128', 4, (i) => `(i32x4.splat (i32.add (local.get 0) (i32.const ${i})))`, 'i32x4.add')})`,
    wasmtimeDepth: 10_916,
  },
};
