import * as os from 'qjs:os';
import * as std from 'qjs:std';

function report(name, value) {
  print(`${name}: ${JSON.stringify(value)}`);
}

report('arguments', [...scriptArgs, os.platform, std.getenv('A') ?? 'no A']);
os.chdir?.('/work');
report('mkdir', [os.mkdir('/work/d', 0o755), os.mkdir('/work/d', 0o755)]);

const file = std.open('/work/d/f.txt', 'w+');
file.puts('line\n'.repeat(100));
report('tell', [file.tell(), file.seek(10, std.SEEK_SET), file.getline(), file.eof()]);
file.close();
report('content', std.loadFile('/work/d/f.txt').length);

const failure = {};
report('missing', [std.open('/work/none', 'r', failure), failure]);
report('outside', [std.open('/work/../../etc/passwd', 'r', failure), failure]);

const [status, statError] = os.stat('/work/d/f.txt');
report('stat', [statError, status.size, status.mode & os.S_IFMT]);
report('utimes', [os.utimes('/work/d/f.txt', 1000, 2000), os.stat('/work/d/f.txt')[0].mtime]);
report('rename', [os.rename('/work/d/f.txt', '/work/d/g.txt'), os.rename('/work/none', '/work/d/x')]);
report('remove', [os.remove('/work/none'), os.remove('/work/d')]);
const [names, listError] = os.readdir('/work/d');
report('readdir', [listError, names.sort()]);

const descriptor = os.open('/work/d/raw', os.O_RDWR | os.O_CREAT, 0o644);
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
