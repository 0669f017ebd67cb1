/** `inspect` in words. Names are of the file and are made printable. */
import { printable } from '../errors.ts';
import type { PortDescription } from '../nn/model-content/describe/index.ts';
import type { ModelInspection } from './inspect-model.ts';
import type { ImportInspection, ModuleInspection } from './inspect-module.ts';

const MAX_NAME_CHARACTERS = 120;

const ENCODINGS: Readonly<Record<ModelInspection['encoding'], string>> = {
  openvino: 'OpenVINO IR',
  onnx: 'ONNX',
  tensorflow: 'TensorFlow GraphDef',
  tensorflowlite: 'TensorFlow Lite',
};

const shown = (text: string) => printable(text, MAX_NAME_CHARACTERS);
const sized = (bytes: number) => `${bytes.toLocaleString('en')} bytes`;

export function modelText(model: ModelInspection): string {
  const { encoding, name, producer, versions, operations, weights } = model;
  const total = operations.reduce((sum, [, count]) => sum + count, 0);
  const facts = [
    ['file', `${shown(model.file)}, ${sized(model.byteLength)}`],
    ...(encoding === 'openvino'
      ? [
          [
            'weights',
            weights
              ? `${shown(weights.file)}, ${sized(weights.byteLength)}`
              : 'no file of the same name that ends in .bin',
          ],
        ]
      : []),
    ['format', [ENCODINGS[encoding], ...versions].map(shown).join(', ')],
    ...(name === undefined ? [] : [['name', shown(name)]]),
    ...(producer === undefined ? [] : [['producer', shown(producer)]]),
  ];
  return sections([
    columns(facts),
    titled(`inputs (${model.inputs.length})`, columns(model.inputs.map(portRow))),
    titled(`outputs (${model.outputs.length})`, columns(model.outputs.map(portRow))),
    titled(
      `operations (${total})`,
      columns(operations.map(([type, count]) => [shown(type), count.toLocaleString('en')])),
    ),
  ]);
}

const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  ...{ f64: 8, i64: 8, u64: 8, f32: 4, i32: 4, u32: 4, f16: 2, bf16: 2, i16: 2, u16: 2, i8: 1, u8: 1, boolean: 1 },
};

function portRow({ name, elementType, shape }: PortDescription): string[] {
  const dimensions = shape?.map((dimension) => (dimension === -1 ? '?' : shown(String(dimension)))).join(', ');
  return [
    shown(name) || '(no name)',
    shown(elementType),
    shape === null ? 'of any rank' : `[${dimensions}]`,
    bytesText(elementType, shape),
  ];
}

/** Where all dimensions are known. */
function bytesText(elementType: string, shape: PortDescription['shape']): string {
  const each = ELEMENT_BYTES[elementType];
  if (each === undefined || shape === null) return '';
  const count = shape.reduce<number>(
    (product, dimension) => product * (typeof dimension === 'number' && dimension >= 0 ? dimension : Number.NaN),
    1,
  );
  return Number.isSafeInteger(count * each) ? sized(count * each) : '';
}

export function moduleText(module: ModuleInspection): string {
  const { imports, exports, memories, tables } = module;
  const missing = imports.filter(({ providedBy }) => providedBy === undefined);
  const mismatched = imports.filter(({ mismatch }) => mismatch !== undefined);
  const facts = [
    ['file', `${shown(module.file)}, ${sized(module.byteLength)}`],
    ['format', 'WebAssembly module'],
    ['starts', startsText(module)],
    ['needs', needsText(imports)],
  ];
  return sections([
    columns(facts),
    titled(`imports (${imports.length})`, columns(imports.map(importRow))),
    titled(`exports (${exports.length})`, columns(exports.map(({ name, kind, type }) => [shown(name), type ?? kind]))),
    titled(`memories (${memories.length})`, columns(memories.map(memoryRow))),
    titled(`tables (${tables.length})`, columns(tables.map(tableRow))),
    titled('sections', columns(module.sections.map(({ name, byteLength }) => [shown(name), sized(byteLength)]))),
    verdict(missing.length, mismatched.length),
  ]);
}

function startsText({ exports, hasStartFunction }: ModuleInspection): string {
  const has = (name: string) => exports.some((entry) => entry.name === name && entry.kind === 'func');
  const parts = [
    ...(hasStartFunction ? ['a start function'] : []),
    ...(has('_initialize') ? ['_initialize (a reactor: its exports are called)'] : []),
    ...(has('_start') ? ['_start (a command)'] : []),
  ];
  return parts.join(', then ') || 'with nothing of its own: its exports are called';
}

function needsText(imports: readonly ImportInspection[]): string {
  const count = (by: ImportInspection['providedBy']) => imports.filter(({ providedBy }) => providedBy === by).length;
  const parts = [
    ['WASI', count('WASI')],
    ['wasi-nn', count('wasi-nn')],
    ['not provided', count(undefined)],
  ] as const;
  return parts.flatMap(([name, number]) => (number > 0 ? [`${name}: ${number}`] : [])).join(', ') || 'nothing';
}

function importRow({ module, name, kind, type, providedBy, mismatch }: ImportInspection): string[] {
  const here = providedBy === undefined ? 'not provided' : `provided by ${providedBy}`;
  const state = mismatch === undefined ? here : `does not link: ${providedBy} has ${mismatch}`;
  return [`${shown(module)}::${shown(name)}`, type ?? kind, state];
}

function memoryRow({ isImported, bytes, maxBytes, shared, address64 }: ModuleInspection['memories'][number]): string[] {
  const most = maxBytes === undefined ? 'no maximum' : `at most ${sized(maxBytes)}`;
  const about = [isImported && 'imported', shared && 'shared', address64 && '64-bit addresses'];
  return [sized(bytes), most, about.filter((part) => part !== false).join(', ')];
}

function tableRow({ isImported, elements, maxElements }: ModuleInspection['tables'][number]): string[] {
  const most = maxElements === undefined ? 'no maximum' : `at most ${maxElements.toLocaleString('en')}`;
  return [`${elements.toLocaleString('en')} elements`, most, isImported ? 'imported' : ''];
}

function verdict(missing: number, mismatched: number): string {
  if (missing + mismatched === 0) return 'This host provides all that it imports.';
  const parts = [
    ...(missing > 0 ? [`${missing} not provided here (--preload NAME=FILE may)`] : []),
    ...(mismatched > 0 ? [`${mismatched} of another type`] : []),
  ];
  return `It does not link as it is: ${parts.join(', ')}.`;
}

function titled(title: string, lines: readonly string[]): string[] {
  return [title, ...(lines.length === 0 ? ['none'] : lines).map((line) => `  ${line}`)];
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => (row[index] ?? '').length)));
  return rows.map((row) =>
    row
      .map((text, index) => text.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function sections(parts: readonly (string | readonly string[])[]): string {
  return `${parts.map((part) => (typeof part === 'string' ? part : part.join('\n'))).join('\n\n')}\n`;
}
