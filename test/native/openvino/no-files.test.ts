/** A guest's model never makes OpenVINO open a file of the host. External data of ONNX is refused in TypeScript: test/nn. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firstNode, skipUnless } from '../../support/requirements.ts';
import { constantIr } from './ir-text.ts';
import { runScenario, runtimes, scenarioValue, skip } from './support.ts';

const GIVEN = '12345678';
const SECRET = 'SECRETS!';

const isSkipped = skip || skipUnless(firstNode);

describe.skipIf(isSkipped).each(runtimes)('files of the host, over OpenVINO $version', (runtime) => {
  let folder = '';
  let xmlPath = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'no-files-'));
    mkdirSync(join(folder, 'cwd'));
    xmlPath = join(folder, 'constant.xml');
    writeFileSync(xmlPath, constantIr());
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const load = (...args: string[]) => scenarioValue('files', runtime, [xmlPath, ...args], { cwd: join(folder, 'cwd') });
  const sameEverywhere = { directory: expect.stringMatching(/\/cwd$/) };

  it.each<[string, (cwd: string) => void]>([
    ['no file', () => {}],
    ['a file', (cwd) => writeFileSync(join(cwd, '.bin'), SECRET)],
    ['a link to one', (cwd) => symlinkSync(join(cwd, '..', 'secret'), join(cwd, '.bin'))],
    ['a directory', (cwd) => mkdirSync(join(cwd, '.bin'))],
  ])('%s named .bin in the working directory is not taken for weights', (_name, make) => {
    writeFileSync(join(folder, 'secret'), SECRET);
    make(join(folder, 'cwd'));
    expect(load(GIVEN)).toEqual({ ...sameEverywhere, code: 'nothing', text: GIVEN });
    expect(load()).toEqual({ ...sameEverywhere, code: 'ERR_NN_INVALID_MODEL', text: '' });
  });

  it('a relative cache directory is the process’s, not that of the thread that reads', () => {
    expect(load(GIVEN, 'cache')).toEqual({ ...sameEverywhere, code: 'nothing', text: GIVEN });
    expect(existsSync(join(folder, 'cwd', 'cache'))).toBe(true);
  });

  it('damaged models of every encoding print nothing and find no file', () => {
    const run = runScenario('chatter', runtime, [], { cwd: join(folder, 'cwd') });
    expect(run).toMatchObject({ status: 0, stderr: '' });
    const codes = JSON.parse(run.stdout) as string[];
    const known = ['nothing', 'ERR_NN_INVALID_MODEL', 'ERR_NN_COMPILE', 'ERR_NN_OUT_OF_MEMORY'];
    expect(known).toEqual(expect.arrayContaining(codes));
    expect(codes).toContain('ERR_NN_INVALID_MODEL');
  });

  describe('temporary files', () => {
    let temporary = '';
    beforeEach(() => {
      temporary = join(folder, 'tmp');
      mkdirSync(temporary);
    });

    const run = (end: string) => {
      const env = { ...process.env, TMPDIR: temporary, XDG_RUNTIME_DIR: '' };
      return runScenario('temporary', runtime, [end], { env });
    };
    const leftovers = () => readdirSync(temporary);
    const abandon = (name: string, ageSeconds: number) => {
      const directory = join(temporary, name);
      mkdirSync(directory, { mode: 0o700 });
      writeFileSync(join(directory, 'model.tflite'), 'a model');
      const then = new Date(Date.now() - ageSeconds * 1000);
      utimesSync(directory, then, then);
    };

    it('are removed at once', () => {
      expect(run('well')).toMatchObject({ status: 0, stderr: '' });
      expect(leftovers()).toEqual([]);
    });

    it('of a process that was killed are removed by the next that needs some', () => {
      expect(run('killed').signal).toBe('SIGKILL');
      abandon('wasi-nn-host.1.abandoned', 3600);
      for (const name of leftovers()) {
        const then = new Date(Date.now() - 3_600_000);
        utimesSync(join(temporary, name), then, then);
      }
      expect(run('well')).toMatchObject({ status: 0, stderr: '' });
      expect(leftovers()).toEqual([]);
    });

    it('of others are left alone', () => {
      abandon('wasi-nn-host.1.young', 0);
      abandon('something-else', 3600);
      mkdirSync(join(folder, 'elsewhere'));
      writeFileSync(join(folder, 'elsewhere', 'model.tflite'), 'not ours');
      symlinkSync(join(folder, 'elsewhere'), join(temporary, 'wasi-nn-host.1.link'));
      expect(run('well')).toMatchObject({ status: 0, stderr: '' });
      expect(leftovers().sort()).toEqual(['something-else', 'wasi-nn-host.1.link', 'wasi-nn-host.1.young']);
      expect(readFileSync(join(folder, 'elsewhere', 'model.tflite'), 'utf8')).toBe('not ours');
    });
  });
});
