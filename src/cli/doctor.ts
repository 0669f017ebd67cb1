import { parseArgs } from 'node:util';
import { type DoctorReport, examine, type PlaceReport } from './doctor-report.ts';
import type { CliIo } from './io.ts';

const USAGE = `Usage: wasi-nn-host doctor [--json] [--openvino-dir DIR]

Shows what guests would be run with: Node, the native addon, every place where OpenVINO is
searched and what was found there, and which inference backend is taken and why.

  --json               the same for programs
  --openvino-dir DIR   look at this OpenVINO only, as the option of the same name does

Exit code 0 when a guest can run inference here, otherwise 1.
`;

/**
 * The command `doctor`.
 * @param args what stands behind the command
 * @returns the exit code: 0 when a guest can run inference, 1 when not, 2 for wrong usage
 */
export async function doctor(args: readonly string[], io: CliIo): Promise<number> {
  const options = readArguments(args, io);
  if (typeof options === 'number') return options;
  const report = await examine({ env: io.env, explicit: options.explicit });
  io.stdout(options.json ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
  return report.ready ? 0 : 1;
}

function readArguments(args: readonly string[], io: CliIo): { json: boolean; explicit: string | undefined } | number {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { json: { type: 'boolean' }, help: { type: 'boolean' }, 'openvino-dir': { type: 'string' } },
    });
    if (!values.help) return { json: values.json === true, explicit: values['openvino-dir'] };
    io.stdout(USAGE);
    return 0;
  } catch (error) {
    io.stderr(`wasi-nn-host doctor: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
}

/** Two columns; a star marks the OpenVINO that is taken. */
function textOf(report: DoctorReport): string {
  const { addon, openvinoNode, backend, cache } = report;
  const rows: (readonly [string, string])[] = [
    ['wasi-nn-host', report.version],
    ['Node', `${report.node}, V8 ${report.v8}`],
    ['system', report.glibc === undefined ? report.platform : `${report.platform}, glibc ${report.glibc}`],
    ['native addon', addon.usable ? `${addon.path}` : `${addon.reason}`],
    ['OpenVINO', 'searched in this order, * is taken:'],
    ...report.places.flatMap(placeRows),
    ['openvino-node', openvinoNode.runtime ? runtimeText(openvinoNode.runtime) : `${openvinoNode.reason}`],
    ['backend', `${backend.name ?? 'none'}: ${backend.reason}`],
    ['cache', cacheText(cache)],
  ];
  const width = Math.max(...rows.map(([label]) => label.length)) + 2;
  const lines = rows.map(([label, text]) => `${label.padEnd(width)}${text}`.trimEnd());
  const verdict = report.ready
    ? 'Guests can run inference here.'
    : `Guests cannot run inference here: ${report.advice}.`;
  return `${[...lines, '', verdict].join('\n')}\n`;
}

function placeRows({ place, detail, version, runtime, chosen }: PlaceReport): [string, string][] {
  const label = `${chosen ? '*' : ' '} ${place}`;
  if (version === undefined && !runtime) return [[label, detail]];
  const first: [string, string] = [label, `${version ?? '(version unknown)'}  ${detail}`];
  return runtime ? [first, ['', runtimeText(runtime)]] : [first];
}

function runtimeText(runtime: NonNullable<PlaceReport['runtime']>): string {
  if (!runtime.usable) return `does not open: ${runtime.reason}`;
  const { version, devices } = runtime.answer;
  const names = devices.map(({ name, fullName }) => (fullName ? `${name} (${fullName})` : name));
  return `opens as ${version}, devices: ${names.join(', ') || 'none'}`;
}

function cacheText({ folder, bytes, problem }: DoctorReport['cache']): string {
  return problem === undefined ? `${folder}, ${Math.round(bytes / 1e6)} MB` : `${folder ?? 'none'}: ${problem}`;
}
