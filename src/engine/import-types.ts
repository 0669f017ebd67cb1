/**
 * The types of the functions that the host provides. JavaScript functions link under any type, so without this a guest
 * that declares another one would link, and pass values that no function expects.
 *
 * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
 */
import type { FunctionType } from './module-binary.ts';

/** One letter a parameter: `i` is i32, `I` is i64. All return an errno but `proc_exit`. */
const PREVIEW1_PARAMETERS: Readonly<Record<string, string>> = {
  args_get: 'ii',
  args_sizes_get: 'ii',
  environ_get: 'ii',
  environ_sizes_get: 'ii',
  clock_res_get: 'ii',
  clock_time_get: 'iIi',
  fd_advise: 'iIIi',
  fd_allocate: 'iII',
  fd_close: 'i',
  fd_datasync: 'i',
  fd_fdstat_get: 'ii',
  fd_fdstat_set_flags: 'ii',
  fd_fdstat_set_rights: 'iII',
  fd_filestat_get: 'ii',
  fd_filestat_set_size: 'iI',
  fd_filestat_set_times: 'iIIi',
  fd_pread: 'iiiIi',
  fd_prestat_get: 'ii',
  fd_prestat_dir_name: 'iii',
  fd_pwrite: 'iiiIi',
  fd_read: 'iiii',
  fd_readdir: 'iiiIi',
  fd_renumber: 'ii',
  fd_seek: 'iIii',
  fd_sync: 'i',
  fd_tell: 'ii',
  fd_write: 'iiii',
  path_create_directory: 'iii',
  path_filestat_get: 'iiiii',
  path_filestat_set_times: 'iiiiIIi',
  path_link: 'iiiiiii',
  path_open: 'iiiiiIIii',
  path_readlink: 'iiiiii',
  path_remove_directory: 'iii',
  path_rename: 'iiiiii',
  path_symlink: 'iiiii',
  path_unlink_file: 'iii',
  poll_oneoff: 'iiii',
  proc_exit: 'i',
  proc_raise: 'i',
  random_get: 'ii',
  sched_yield: '',
  sock_accept: 'iii',
  sock_recv: 'iiiiii',
  sock_send: 'iiiii',
  sock_shutdown: 'ii',
};

const LETTERS: Readonly<Record<string, string>> = { i: 'i32', I: 'i64' };

/** Types that were made: each guest that is linked asks for the same. */
const made = new Map<string, FunctionType>();

/** The type of a function of `wasi_snapshot_preview1` or `wasi_unstable` (their types are the same), if it has one. */
export function preview1Type(name: string): FunctionType | undefined {
  const known = made.get(name);
  if (known !== undefined) return known;
  const letters = Object.hasOwn(PREVIEW1_PARAMETERS, name) ? PREVIEW1_PARAMETERS[name] : undefined;
  if (letters === undefined) return undefined;
  const params = [...letters].map((letter) => LETTERS[letter] as string);
  const type = { params, results: name === 'proc_exit' ? [] : ['i32'] };
  made.set(name, type);
  return type;
}

/** The type of a wasi-nn call, which takes i32 only and returns an errno. */
export function wasiNnType(parameterCount: number): FunctionType {
  return { params: new Array<string>(parameterCount).fill('i32'), results: ['i32'] };
}

export function sameFunctionType(a: FunctionType, b: FunctionType): boolean {
  return sameTypes(a.params, b.params) && sameTypes(a.results, b.results);
}

function sameTypes(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((type, index) => type === b[index]);
}

/** As the text format writes it: `(func (param i32 i32) (result i32))`. */
export function functionTypeText({ params, results }: FunctionType): string {
  const part = (word: string, types: readonly string[]) => (types.length === 0 ? '' : ` (${word} ${types.join(' ')})`);
  return `(func${part('param', params)}${part('result', results)})`;
}
