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

const prefix = (headBytes, bodyBytes) => {
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(headBytes, 0);
  lengths.writeUInt32LE(bodyBytes, 4);
  return lengths;
};
const say = (message, body = Buffer.alloc(0)) => {
  const head = Buffer.from(JSON.stringify(message));
  host.write(Buffer.concat([prefix(head.byteLength, body.byteLength), head, body]));
};
/** What has been said comes first. */
const afterwards = (action) => host.write('', () => setImmediate(action));

const usage = {
  ...{ cpuMs: 1, peakMemoryBytes: 0, bytesRead: 0, bytesWritten: 0 },
  ...{ phases: {}, loads: { hits: 0, misses: 0 } },
};
const ended = (value) => ({ type: 'ended', outcome: { kind: 'returned', results: [value] }, usage });

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
  'write five bytes': () => writeSync(PIPE, Buffer.from([0, 0, 0, 5, 1, 2, 3, 4, 5])),
  "write what Node's own channels obey": () => host.write('{"cmd":"NODE_HANDLE_ACK"}\n'),
  'write what is no JSON': () => host.write(Buffer.concat([prefix(3, 0), Buffer.from('{{{')])),
  'say that it hands over a handle': () => say({ cmd: 'NODE_HANDLE', type: 'net.Socket' }),
  'announce a message of four gigabytes': (run) =>
    begin(run, () => host.write(Buffer.concat([prefix(0xffff_ffff, 0xffff_ffff), Buffer.alloc(2 ** 20)]))),
  'flood with needs': (run, { plan }) => flood({ type: 'need', run, modules: [plan.program.key], graphs: [] }),
  'flood with parts of a timeline': (run) =>
    begin(run, () => flood({ type: 'relay', run, message: { type: 'entry', entry: { big: 'x'.repeat(2 ** 20) } } })),
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
      host.write(prefix(100, 0));
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
  while (heard.byteLength >= 8 && heard.byteLength >= 8 + heard.readUInt32LE(0)) {
    const end = 8 + heard.readUInt32LE(0);
    const order = deserialize(heard.subarray(8, end));
    heard = heard.subarray(end);
    if (order.type !== 'run') continue;
    const [, action, notes] = order.task.plan.args;
    if (notes !== undefined) appendFileSync(notes, '+');
    ACTIONS[action](order.run, order.task);
  }
});
say({ type: 'ready' });
