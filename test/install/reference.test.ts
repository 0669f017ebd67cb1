/** The reference of the API, made of the docstrings: whatever is public has one, and nothing is named that is not public. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { firstNode, skipUnless } from '../support/requirements.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TYPEDOC = join(ROOT, 'node_modules', 'typedoc', 'bin', 'typedoc');
const directory = temporaryDirectories();

describe.skipIf(skipUnless(firstNode))('the reference of the API', () => {
  it('is made without a warning', { timeout: 300_000 }, () => {
    const out = directory();
    const { status, stdout, stderr } = spawnSync(process.execPath, [TYPEDOC, '--out', out, '--logLevel', 'Warn'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    const pages = ['classes/wasi-nn-host.Host.html', 'functions/wasi-nn-host_metrics.collectMetrics.html'];
    expect(pages.filter((page) => !existsSync(join(out, page)))).toEqual([]);
  });
});
