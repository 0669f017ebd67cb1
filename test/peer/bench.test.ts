import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firstNode, skipUnless } from '../support/requirements.ts';
import { OPENVINO, peer, ROOT, WASMTIME } from './peer.ts';

interface Measured {
  results: readonly { question: string; subject: string; ratio: { count: number; median: number } | null }[];
}

describe.skipIf([peer, firstNode].some(skipUnless))('npm run bench', () => {
  let scratch: string;

  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), 'bench-test-'));
  });

  afterEach(() => rmSync(scratch, { recursive: true, force: true }));

  function bench(...args: string[]) {
    const few = ['--pairs', '2', '--turns', '3', '--model', 'digits', '--openvino', OPENVINO];
    return spawnSync(process.execPath, [join(ROOT, 'bench', 'run.mjs'), ...few, ...args], { encoding: 'utf8' });
  }

  it('gives a ratio to wasmtime for every question, from as many pairs as asked for', () => {
    const file = join(scratch, 'result.json');
    const about = [
      'cold-start',
      'in-guest-inference',
      'resources',
      'file-system',
      '--case',
      'opens',
      '--case',
      'stdout-writes',
    ];
    const { status, stderr } = bench(...about, '--wasmtime', WASMTIME, '--json', file);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { results } = JSON.parse(readFileSync(file, 'utf8')) as Measured;
    const ours = results.filter(({ subject }) => subject.startsWith('wasi-nn-host'));
    expect(new Set(ours.map(({ question }) => question))).toEqual(
      new Set(['cold-start', 'in-guest-inference', 'resources', 'file-system']),
    );
    for (const { ratio } of ours) {
      expect(ratio?.count).toBe(2);
      expect(ratio?.median).toBeGreaterThan(0);
    }
  });

  it('fails when a subject prints something else, however fast', () => {
    const liar = join(scratch, 'wasmtime');
    writeFileSync(liar, '#!/bin/sh\ncase $1 in --version) echo wasmtime 0 ;; *) echo Found results ;; esac\n');
    chmodSync(liar, 0o755);
    const { status, stderr } = bench('--wasmtime', liar, '--question', 'cold-start');
    expect(status).toBe(1);
    expect(stderr).toContain('cold-start, digits: outputs differ');
  });

  it('knows its questions and cases by name', () => {
    expect(bench('files').stderr).toContain('question files: there are cold-start, ');
    expect(bench('file-system', '--wasmtime', WASMTIME, '--case', 'open').stderr).toContain('case open: there are ');
  });

  it('fails when a subject fails', () => {
    const { status, stderr } = bench('--wasmtime', WASMTIME, '--question', 'cold-start', '--node', join(scratch, 'no'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^bench: .*ENOENT/);
  });
});
