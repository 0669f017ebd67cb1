import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Requirement, shared, skipUnless } from '../support/requirements.ts';
import { peer, ROOT, runHere, runPeer } from './peer.ts';

const walkthrough = shared('seed-walkthrough.md');
const model = shared('models/mobilenet_v1_025');
const skip = [peer, walkthrough, model].map(skipUnless).includes(true) || skipUnless(compiledGuest());

/** The walk-through's guest, compiled as its text has it. A second call finds it compiled. */
function compiledGuest(): Requirement {
  const { status, stderr } = spawnSync(
    join(ROOT, 'fixtures/guests/build-walkthrough.sh'),
    [guestPath(), walkthrough.path],
    {
      encoding: 'utf8',
    },
  );
  return { met: status === 0, reason: `the walk-through's guest cannot be compiled: ${stderr.trim()}` };
}

function guestPath(...names: string[]): string {
  return join(ROOT, '.cache', 'walkthrough', ...names);
}

/** Classes as the model numbers them: the background is 0. The guest leaves it out. */
type Expected = Readonly<Record<string, readonly { index: number; probability: number }[]>>;

describe.skipIf(skip)("the walk-through's command line", () => {
  const tensors = skip ? [] : readdirSync(join(model.path, 'tensors')).map((file) => file.replace('.bgr', ''));
  const profiles = ['debug', 'release'];
  let fixtures: string;

  beforeAll(() => {
    fixtures = mkdtempSync(join(tmpdir(), 'walkthrough-'));
    for (const tensor of tensors) {
      mkdirSync(join(fixtures, tensor));
      for (const file of ['model.xml', 'model.bin']) {
        copyFileSync(join(model.path, file), join(fixtures, tensor, file));
      }
      copyFileSync(join(model.path, 'tensors', `${tensor}.bgr`), join(fixtures, tensor, 'tensor.bgr'));
    }
  });

  afterAll(() => rmSync(fixtures, { recursive: true, force: true }));

  it('is tried with six tensors', () => expect(tensors).toHaveLength(6));

  it.each(tensors.flatMap((tensor) => profiles.map((profile) => [tensor, profile] as const)))(
    'classifies %s as wasmtime does, byte for byte (%s)',
    (tensor, profile) => {
      const guest = guestPath(`walkthrough-${profile}.wasm`);
      const invocation = { args: ['-S', 'nn', `--dir=${join(fixtures, tensor)}::fixture`, guest] };
      const theirs = runPeer(invocation);
      expect(theirs.exitCode).toBe(0);
      const ours = runHere(invocation);
      expect(ours).toEqual({ exitCode: 0, stdout: theirs.stdout, stderr: '' });
      expect(firstClass(ours.stdout)).toBe(expectedFirstClass(tensor));
    },
  );
});

function firstClass(stdout: string): number {
  return Number(/sorted top 5: \[InferenceResult\((\d+),/.exec(stdout)?.[1]);
}

function expectedFirstClass(tensor: string): number {
  const expected = JSON.parse(readFileSync(join(model.path, 'expected.json'), 'utf8')) as Expected;
  return (expected[tensor]?.[0]?.index ?? Number.NaN) - 1;
}
