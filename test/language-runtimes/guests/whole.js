import * as os from 'qjs:os';
import * as std from 'qjs:std';

function report(name, value) {
  print(`${name}: ${JSON.stringify(value)}`);
}

report('arguments', [...scriptArgs, os.platform, std.getenv('A') ?? 'no A']);
os.chdir?.('/data');
report('mkdir', [os.mkdir('/data/d', 0o755), os.mkdir('/data/d', 0o755)]);

const file = std.open('/data/d/f.txt', 'w+');
file.puts('line\n'.repeat(100));
report('tell', [file.tell(), file.seek(10, std.SEEK_SET), file.getline(), file.eof()]);
file.close();
report('content', std.loadFile('/data/d/f.txt').length);

const failure = {};
report('missing', [std.open('/data/none', 'r', failure), failure]);
report('outside', [std.open('/data/../../etc/passwd', 'r', failure), failure]);

const [status, statError] = os.stat('/data/d/f.txt');
report('stat', [statError, status.size, status.mode & os.S_IFMT]);
report('utimes', [os.utimes('/data/d/f.txt', 1000, 2000), os.stat('/data/d/f.txt')[0].mtime]);
report('rename', [os.rename('/data/d/f.txt', '/data/d/g.txt'), os.rename('/data/none', '/data/d/x')]);
report('remove', [os.remove('/data/none'), os.remove('/data/d')]);
const [names, listError] = os.readdir('/data/d');
report('readdir', [listError, names.sort()]);

const descriptor = os.open('/data/d/raw', os.O_RDWR | os.O_CREAT, 0o644);
const bytes = new Uint8Array([1, 2, 3, 4, 5]).buffer;
report('raw', [
  os.write(descriptor, bytes, 1, 3),
  os.seek(descriptor, 0, std.SEEK_SET),
  os.read(descriptor, bytes, 0, 5),
]);
report('close', [os.close(descriptor), os.close(descriptor)]);

function recurse(depth) {
  return depth === 0 ? 0 : 1 + recurse(depth - 1);
}
report('recursion', recurse(200));

const lines = [];
for (let line = std.in.getline(); line !== null; line = std.in.getline()) lines.push(line);
report('stdin', lines);
report('numbers', [0.1 + 0.2, 2 ** 53, (2n ** 100n).toString(), new Date(0).toISOString()]);

Promise.resolve(1).then((value) => report('promise', value));
const started = Date.now();
os.setTimeout(() => {
  report('the timer', Date.now() - started >= 19);
  std.err.puts('to stderr\n');
  std.exit(7);
}, 20);
