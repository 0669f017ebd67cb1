import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { partOnSecondNode, skipUnless } from '../support/requirements.ts';
import { expectSameRun, guestDirectories, WHOLE_RUN_TIMEOUT_MS, type WholeRun, wasmtime } from './whole-runs.ts';

const SHELL = fileURLToPath(new URL('../../fixtures/guests/sqlite-shell/sqlite.wasm', import.meta.url));
const SCRIPT = readFileSync(new URL('guests/whole.sql', import.meta.url), 'utf8');

const directory = guestDirectories();

const BIG = `
create table t(a, b, c);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000) insert into t select i, hex(i), i * i from n;
create index x on t(b);
delete from t where a % 2;
vacuum;
pragma integrity_check;
select count(*), sum(a), 'counted' from t;
`;

interface ShellRun extends Omit<WholeRun, 'args'> {
  name: string;
  args: readonly string[];
  marker: string;
}

const RUNS: readonly ShellRun[] = [
  { name: 'a whole script', args: ['/data/main.db'], stdin: SCRIPT, marker: 'the end of the script' },
  {
    name: 'a script from a file',
    args: ['/data/main.db', '.read /data/script.sql'],
    prepare: (folder) => writeFileSync(join(folder, 'script.sql'), SCRIPT),
    marker: 'the end of the script',
  },
  { name: 'many rows', args: ['/data/big.db'], stdin: BIG, marker: 'counted' },
  {
    name: 'many transactions',
    args: ['/data/many.db'],
    stdin: `create table t(a);\n${'insert into t values(1);\n'.repeat(100)}select sum(a), 'summed' from t;\n`,
    marker: '100|summed',
  },
  { name: 'statements after a prompt', args: ['-interactive'], stdin: 'select 6 *\n7;\n', marker: '42' },
  {
    name: 'an exit in a transaction',
    args: ['/data/a.db'],
    stdin: 'pragma journal_mode = memory; begin; create table t(a); select "begun";\n.exit 5\n',
    marker: 'begun',
  },
  { name: 'an unknown option', args: ['-nope'], marker: 'unknown option' },
  {
    name: 'a file that is no database',
    args: ['/data/bad.db', 'select * from sqlite_master'],
    prepare: (folder) => writeFileSync(join(folder, 'bad.db'), 'no database'.repeat(100)),
    marker: 'file is not a database',
  },
  { name: 'a database above', args: ['/data/../a.db', 'create table t(a)'], marker: 'unable to open' },
  {
    name: 'a link to above',
    args: ['/data/link.db', 'create table t(a)'],
    prepare: (folder) => symlinkSync('../outside.db', join(folder, 'link.db')),
    marker: 'unable to open',
  },
];

describe.skipIf(skipUnless(wasmtime))("SQLite's shell", () => {
  it.each(partOnSecondNode(RUNS, ['a whole script', 'a link to above']))(
    'does the same as under wasmtime: $name',
    ({ args, marker, ...run }) => {
      expectSameRun(directory, { ...run, args: ['--dir', '.::/data', SHELL, ...args] }, marker);
    },
    WHOLE_RUN_TIMEOUT_MS,
  );
});
