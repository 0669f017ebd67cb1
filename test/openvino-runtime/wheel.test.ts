import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { pipReason } from '../../src/openvino-runtime/pip.ts';
import { glibcVersion, RUNTIME_WHEELS, wheelFor } from '../../src/openvino-runtime/wheel.ts';

describe('the package for a machine', () => {
  test.each([
    ['linux', 'x64', '2.28', 'manylinux_2_28_x86_64'],
    ['linux', 'x64', '2.41', 'manylinux_2_28_x86_64'],
    ['linux', 'arm64', '2.35', 'manylinux_2_35_aarch64'],
    ['linux', 'arm64', '3.0', 'manylinux_2_35_aarch64'],
  ])('%s %s with glibc %s', (platform, arch, glibc, tag) => {
    expect(wheelFor(platform, arch, glibc).platformTag).toBe(tag);
  });

  test.each([
    ['an older glibc', 'linux', 'arm64', '2.31', 'needs glibc 2.35 or newer, and this system has 2.31'],
    ['a glibc that is older by a digit', 'linux', 'x64', '2.4', 'needs glibc 2.28 or newer'],
    ['another C library', 'linux', 'x64', undefined, 'this system has another C library'],
    ['another system', 'darwin', 'arm64', undefined, 'not darwin-arm64'],
    ['another processor', 'linux', 's390x', '2.36', 'not linux-s390x'],
  ])('%s is told what to do instead', (_title, platform, arch, glibc, words) => {
    expect(() => wheelFor(platform, arch, glibc)).toThrow(
      expect.objectContaining({ code: 'ERR_NN_RUNTIME_SETUP', message: expect.stringContaining(words) }),
    );
    expect(() => wheelFor(platform, arch, glibc)).toThrow('set OPENVINO_DIR to it');
  });

  test.each(Object.entries(RUNTIME_WHEELS))('%s is pinned whole', (_name, wheel) => {
    expect(wheel.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(wheel.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(wheel.platformTag).toContain(`manylinux_${wheel.glibc.replace('.', '_')}_`);
    expect(wheel.unpackedByteLength).toBeGreaterThan(wheel.byteLength);
  });

  test.skipIf(process.platform !== 'linux')('the version of glibc is what the system says', () => {
    const line = execFileSync('ldd', ['--version'], { encoding: 'utf8' }).split('\n')[0];
    expect(glibcVersion()).toBe(line?.split(' ').at(-1));
  });
});

describe("pip's reason in one line", () => {
  const object = '<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f1c>';

  test.each([
    [
      'no connection, older pip',
      `WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError('${object}: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/openvino/
ERROR: Could not find a version that satisfies the requirement openvino==2026.4.1 (from versions: none)
ERROR: No matching distribution found for openvino==2026.4.1`,
      'its package index cannot be reached ([Errno 111] Connection refused)',
    ],
    [
      'a name that does not resolve',
      `WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('${object}: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/openvino/`,
      'its package index cannot be reached ([Errno -3] Temporary failure in name resolution)',
    ],
    [
      'a time-out',
      `WARNING: Retrying (Retry(total=0)) after connection broken by 'ConnectTimeoutError(${object}, 'Connection to 10.0.0.1 timed out. (connect timeout=20.0)')': /simple/openvino/`,
      /^its package index cannot be reached \(.*timed? ?out/i,
    ],
    [
      'a proxy',
      `WARNING: Retrying (Retry(total=0)) after connection broken by 'ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 403 Forbidden'))': /simple/openvino/`,
      'its package index cannot be reached (403 Forbidden)',
    ],
    [
      'no connection without retries',
      'ERROR: Could not find a version that satisfies the requirement x (from versions: none)\nERROR: No matching distribution found for x\n',
      'its package index has no openvino at all, or cannot be reached',
    ],
    [
      'other versions only',
      'ERROR: Could not find a version that satisfies the requirement x (from versions: 1, 2)\nERROR: No matching distribution found for x\n',
      'No matching distribution found for x',
    ],
    [
      'a full disk',
      'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n',
      'Could not install packages due to an OSError: [Errno 28] No space left on device',
    ],
    [
      'another file',
      `ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.
    openvino==2026.4.1 from file:///x.whl (from -r r.txt (line 1)):
        Expected sha256 aaaa
             Got        bbbb
`,
      'the file it got is not the pinned one: Expected sha256 aaaa, got        bbbb',
    ],
    [
      'a full disk while fetching',
      'ERROR: Exception:\nTraceback (most recent call last):\n  File "x"\nOSError: [Errno 28] No space left on device\n',
      'OSError: [Errno 28] No space left on device',
    ],
    ['a traceback', 'Traceback (most recent call last):\n  File "x"\nMemoryError\n', 'MemoryError'],
    ['nothing', '\n', 'it gave no reason'],
  ])('%s', (_title, output, expected) => {
    const reason = pipReason(output);
    expect(reason).not.toContain('\n');
    if (typeof expected === 'string') expect(reason).toBe(expected);
    else expect(reason).toMatch(expected);
  });
});
