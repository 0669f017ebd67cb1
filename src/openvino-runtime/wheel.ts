import { BackendError } from '../errors.ts';

/** A package of OpenVINO's runtime on the Python package index, pinned to its bytes. */
export interface RuntimeWheel {
  version: string;
  /**
   * Names the file to fetch and has nothing to do with the Python that runs pip: the runtime's libraries are the same in
   * the packages for every Python version.
   */
  pythonVersion: string;
  platformTag: string;
  sha256: string;
  byteLength: number;
  /** The files that are kept. */
  unpackedByteLength: number;
  /** The oldest glibc that its libraries run on, as in its platform tag. */
  glibc: string;
}

const VERSION = '2026.4.1';

/** By `process.platform` and `process.arch`. */
export const RUNTIME_WHEELS: Readonly<Record<string, RuntimeWheel>> = {
  'linux-x64': {
    version: VERSION,
    pythonVersion: '3.11',
    platformTag: 'manylinux_2_28_x86_64',
    sha256: '2d22b1da03f7caf74df30e9f6417d0ab2f637e4a38e08e1dcd294d2c37407aaf',
    byteLength: 59_130_756,
    unpackedByteLength: 101_410_957,
    glibc: '2.28',
  },
  'linux-arm64': {
    version: VERSION,
    pythonVersion: '3.11',
    platformTag: 'manylinux_2_35_aarch64',
    sha256: 'bea1eb3733c34ef331adc945da0ccda5937865031139073663be84c517ffda22',
    byteLength: 30_348_540,
    unpackedByteLength: 77_350_517,
    glibc: '2.35',
  },
};

/** The version of this system's glibc; undefined on macOS and where another C library (musl) is used. */
export function glibcVersion(): string | undefined {
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean };
  // Without it Node looks up the name of every open connection.
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime;
}

/**
 * The package for this machine.
 * @param glibc the system's version, see {@link glibcVersion}
 * @throws BackendError ERR_NN_RUNTIME_SETUP where none is known to run here, with what to do.
 */
export function wheelFor(platform: string, arch: string, glibc: string | undefined): RuntimeWheel {
  const wheel = RUNTIME_WHEELS[`${platform}-${arch}`];
  const instead = 'install OpenVINO 2024 or newer yourself and set OPENVINO_DIR to it';
  if (!wheel)
    throw setupError(`set-up fetches OpenVINO for Linux on x64 and arm64 only, not ${platform}-${arch}: ${instead}`);
  if (glibc === undefined)
    throw setupError(`OpenVINO's packages need glibc, and this system has another C library: ${instead}`);
  if (isOlder(glibc, wheel.glibc)) {
    throw setupError(
      `OpenVINO ${wheel.version} needs glibc ${wheel.glibc} or newer, and this system has ${glibc}: ${instead}`,
    );
  }
  return wheel;
}

function isOlder(version: string, minimum: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = minimum.split('.').map(Number);
  return major !== leastMajor ? major < leastMajor : minor < leastMinor;
}

export function setupError(message: string, cause?: unknown): BackendError {
  return new BackendError('ERR_NN_RUNTIME_SETUP', message, { cause });
}
