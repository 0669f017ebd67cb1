/**
 * In place of the package's own child process: one that was taken over. The first argument of its guest says what it does;
 * a second is a file in which it notes each run that it is given.
 */
const { appendFileSync, readFileSync, writeSync } = require('node:fs');
const { Socket } = require('node:net');
const { deserialize } = require('node:v8');

const PIPE = 3;
const host = new Socket({ fd: PIPE, readable: true, writable: true });
for (const event of ['error', 'close']) host.on(event, () => process.exit());

const KINDS = { order: 0, brief: 1, output: 2, call: 3, long: 4 };
const prefix = (kind, headBytes, bodyBytes) => {
  const numbers = Buffer.alloc(12);
  numbers.writeUInt32LE(KINDS[kind], 0);
  numbers.writeUInt32LE(headBytes, 4);
  numbers.writeUInt32LE(bodyBytes, 8);
  return numbers;
};
const sayAs = (kind, head, body = Buffer.alloc(0)) =>
  host.write(Buffer.concat([prefix(kind, Buffer.byteLength(head), body.byteLength), Buffer.from(head), body]));
const kindOf = ({ type, message }) => {
  if (type === 'output' || type === 'call') return type;
  return type === 'need' || type === 'failed' || (type === 'relay' && message.type !== 'started') ? 'long' : 'brief';
};
const say = (message, body) => sayAs(kindOf(message), JSON.stringify(message), body);
/** What has been said comes first. */
const afterwards = (action) => host.write('', () => setImmediate(action));

const usage = {
  ...{ cpuMs: 1, peakMemoryBytes: 0, bytesRead: 0, bytesWritten: 0 },
  ...{ phases: {}, loads: { hits: 0, misses: 0 } },
};
const ended = (value) => ({ type: 'ended', outcome: { kind: 'returned', results: [value] }, usage });

const SPAN = { name: 'compute', startMs: 1, endMs: 2 };
const SPAN_ENTRY = { span: SPAN };
const OPERATION = { name: 'n'.repeat(1_000), type: 't', implementation: 'i', wallMs: 1, cpuMs: 1 };
const entries = (run, entry) => ({ type: 'relay', run, message: { type: 'entries', entries: Array(500).fill(entry) } });

const SAMPLE = { atMs: 1, guestBytes: 1, residentBytes: 1 };

/** Without end. */
function flood(message, body) {
  const more = () => {
    for (let times = 0; times < 10; times++) say(message, body);
    host.write('', () => setImmediate(more));
  };
  more();
}

function begin(run, then) {
  say({ type: 'accepted', run });
  say({ type: 'relay', run, message: { type: 'started', atMs: Date.now() } });
  then?.();
}

const ACTIONS = {
  'write a few bytes': () => writeSync(PIPE, Buffer.from([0, 0, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5])),
  "write what Node's own channels obey": () => host.write('{"cmd":"NODE_HANDLE_ACK"}\n'),
  'write what is no JSON': () => host.write(Buffer.concat([prefix('brief', 3, 0), Buffer.from('{{{')])),
  'say that it hands over a handle': () => say({ cmd: 'NODE_HANDLE', type: 'net.Socket' }),
  'announce a message of four gigabytes': (run) =>
    begin(run, () => host.write(Buffer.concat([prefix('output', 0xffff_ffff, 0xffff_ffff), Buffer.alloc(2 ** 20)]))),
  'flood with needs': (run, { plan }) => flood({ type: 'need', run, modules: [plan.program.key], graphs: [] }),
  'announce sixty megabytes of JSON': (run) => begin(run, () => host.write(prefix('long', 60 * 2 ** 20, 0))),
  'say more than a short message has': (run) => begin(run, () => sayAs('brief', ' '.repeat(2 ** 16 + 1))),
  'say what is short as what is long': (run) => sayAs('long', JSON.stringify({ type: 'accepted', run })),
  'say what is long as what is short': (run) =>
    begin(run, () => sayAs('brief', JSON.stringify({ type: 'relay', run, message: ended('1') }))),
  'say beside a message what nobody reads': (run) => say({ type: 'accepted', run, beside: Array(9_000).fill({}) }),
  'write pieces of nothing': (run) => begin(run, () => say({ type: 'output', run, pieces: [] })),
  'write too many pieces': (run) =>
    begin(run, () => {
      const pieces = Array(1_025).fill({ stream: 'stdout', byteLength: 1 });
      say({ type: 'output', run, pieces }, Buffer.alloc(1_025));
    }),
  'say JSON as deep as a message is long': (run) => begin(run, () => sayAs('long', '['.repeat(2 ** 20))),
  'end with spans that nobody asked for': (run) =>
    begin(run, () => say({ type: 'relay', run, message: { ...ended('1'), usage: { ...usage, spans: [SPAN] } } })),
  'flood with spans': (run) => begin(run, () => flood(entries(run, SPAN_ENTRY))),
  'flood with operations': (run) =>
    begin(run, () => {
      say(entries(run, SPAN_ENTRY));
      flood(entries(run, { operations: [OPERATION] }));
    }),
  'flood with parts of a timeline': (run) =>
    begin(run, () => flood({ type: 'relay', run, message: { type: 'entries', entries: [{ sample: SAMPLE }] } })),
  'flood with output': (run) =>
    begin(run, () => {
      const body = Buffer.alloc(2 ** 20);
      flood({ type: 'output', run, pieces: [{ stream: 'stdout', byteLength: body.byteLength }] }, body);
    }),
  'flood with calls': (run) =>
    begin(run, () => flood({ type: 'call', run, call: 0, target: -1, method: 'wait', args: [1e9] })),
  'close its pipe and go on': () => {
    host.removeAllListeners();
    host.destroy();
    setInterval(() => {}, 1_000);
  },
  'say nothing': () => {},
  'say that it accepts, and nothing more': (run) => say({ type: 'accepted', run }),
  'begin, and say nothing more': (run) => begin(run),
  'end with half a message': (run) =>
    begin(run, () => {
      host.write(prefix('brief', 100, 0));
      afterwards(() => process.exit(1));
    }),
  'speak after the end': (run) =>
    begin(run, () => {
      say({ type: 'relay', run, message: ended('1') });
      afterwards(() => flood({ type: 'output', run, pieces: [] }));
    }),
  'say nothing, but to the second run': (run, { plan }) => {
    if (readFileSync(plan.args[2], 'utf8') === '++') begin(run, () => say({ type: 'relay', run, message: ended('2') }));
  },
};

let heard = Buffer.alloc(0);
host.on('data', (piece) => {
  heard = Buffer.concat([heard, piece]);
  while (heard.byteLength >= 12 && heard.byteLength >= 12 + heard.readUInt32LE(4)) {
    const end = 12 + heard.readUInt32LE(4);
    const order = deserialize(heard.subarray(12, end));
    heard = heard.subarray(end);
    if (order.type !== 'run') continue;
    const [, action, notes] = order.task.plan.args;
    if (notes !== undefined) appendFileSync(notes, '+');
    ACTIONS[action](order.run, order.task);
  }
});
say({ type: 'ready' });
