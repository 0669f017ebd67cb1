# Prints what the library sees of the host: nothing that differs between runs.
import os, sys, stat, json, re, tempfile, datetime, time, random, shutil, pathlib, io, errno, hashlib, struct, zipfile, csv, glob, fnmatch, pickle, collections, itertools, functools, traceback, textwrap, decimal, fractions, gc, weakref, configparser, base64, uuid, string
print(sys.version, sys.platform, sys.byteorder, sys.maxsize)
print(sys.argv, sorted(os.environ.items()))
print(os.getcwd())
os.chdir('/data') if os.path.isdir('/data') else None

def report(f, *a, **k):
    try:
        r = f(*a, **k)
        print('ok', f.__name__, r if not isinstance(r, (os.stat_result,)) else '')
    except OSError as e:
        print(type(e).__name__, e.errno, errno.errorcode.get(e.errno), e.strerror, getattr(e, 'filename', None))
    except BaseException as e:
        print(type(e).__name__, e)

def st(p, follow=True):
    s = os.stat(p, follow_symlinks=follow)
    return (stat.S_IFMT(s.st_mode), oct(s.st_mode), s.st_size, s.st_nlink)
os.makedirs('d/e/f', exist_ok=True)
with open('d/a.txt', 'w') as f:
    f.write('hello\nworld\n' * 100)
with open('d/a.txt') as f:
    print(len(f.readlines()), f.tell())
with open('d/a.txt', 'r+b') as f:
    f.seek(5)
    f.write(b'XXXX')
    f.seek(-3, 2)
    print(f.read())
    f.truncate(50)
    print(os.fstat(f.fileno()).st_size)
with open('d/a.txt', 'ab') as f:
    f.write(b'tail')
    print(f.tell())
print(open('d/a.txt', 'rb').read())
print(sorted(os.listdir('d')), [(e.name, e.is_dir(), e.is_file(), e.is_symlink()) for e in sorted(os.scandir('d'), key=lambda e: e.name)])
report(os.symlink, 'a.txt', 'd/ln')
print(os.readlink('d/ln'), st('d/ln'), st('d/ln', False))
report(os.symlink, '/etc/passwd', 'd/abs')
report(os.stat, 'd/abs')
report(open, 'd/abs')
report(os.symlink, 'loop', 'd/loop')
report(os.stat, 'd/loop')
report(open, 'd/loop')
report(os.mkdir, 'd/loop')
report(os.rmdir, 'd/loop')
report(os.unlink, 'd/loop')
report(os.symlink, 'nowhere', 'd/dangling')
report(os.stat, 'd/dangling')
print(os.path.exists('d/dangling'), os.path.lexists('d/dangling'))
report(os.link, 'd/a.txt', 'd/hard')
print(st('d/hard'))
report(os.rename, 'd/hard', 'd/e/renamed')
report(os.replace, 'd/e/renamed', 'd/f2')
report(os.rename, 'd/nope', 'x')
report(os.rename, 'd/e', 'd/e/f/g')
report(os.rename, 'd', 'd/a.txt')
report(os.rename, 'd/f2', 'd/e')
report(os.rmdir, 'd')
report(os.unlink, 'd')
report(os.rmdir, 'd/a.txt')
report(os.mkdir, 'd')
report(os.mkdir, 'no/such')
report(open, 'd')
report(open, 'd', 'w')
report(open, 'no/such')
report(open, 'd/a.txt/x')
report(open, 'd/a.txt', 'x')
report(os.stat, '../..')
report(os.listdir, '/')
report(os.stat, '/etc')
report(open, '/data/../../etc/passwd')
report(os.listdir, 'nosuch')
report(os.listdir, 'd/a.txt')
report(os.stat, 'a\x00b')
report(os.stat, '')
report(os.stat, 'x' * 300)
report(os.utime, 'd/a.txt', (1000000000, 1234567890))
s = os.stat('d/a.txt')
print(s.st_atime, s.st_mtime, s.st_mtime_ns)
report(os.utime, 'd/a.txt', ns=(1000000000123456789, 1234567890987654321))
print(os.stat('d/a.txt').st_mtime_ns)
report(os.chmod, 'd/a.txt', 384)
report(os.access, 'd/a.txt', os.R_OK)
report(os.access, 'd/nope', os.R_OK)
report(os.truncate, 'd/a.txt', 10)
print(os.path.getsize('d/a.txt'))
report(os.getpid)
report(getattr(os, 'getuid', lambda: 'no getuid'))
report(getattr(os, 'fork', lambda: 'no fork'))
report(getattr(os, 'pipe', lambda: 'no pipe'))
report(getattr(os, 'system', lambda x: 'no system'), 'ls')
report(getattr(os, 'dup', lambda x: 'no dup'), 1)
report(getattr(os, 'umask', lambda x: 'no umask'), 0)
fd = os.open('d/low', os.O_RDWR | os.O_CREAT | os.O_EXCL, 420)
print(os.write(fd, b'0123456789'))
print(os.lseek(fd, 0, 0), os.read(fd, 4), os.lseek(fd, -1, 2), os.read(fd, 4), os.read(fd, 4))
report(os.lseek, fd, -1, 0)
report(os.pread, fd, 4, 2) if hasattr(os, 'pread') else 0
report(os.pwrite, fd, b'zz', 3) if hasattr(os, 'pwrite') else 0
report(os.ftruncate, fd, 5)
report(os.fsync, fd)
report(os.fdatasync, fd) if hasattr(os, 'fdatasync') else 0
report(os.posix_fallocate, fd, 0, 100) if hasattr(os, 'posix_fallocate') else 0
report(os.posix_fadvise, fd, 0, 0, os.POSIX_FADV_SEQUENTIAL) if hasattr(os, 'posix_fadvise') else 0
report(os.readv, fd, [bytearray(3), bytearray(4)]) if hasattr(os, 'readv') else 0
report(os.writev, fd, [b'abc', b'', b'defg']) if hasattr(os, 'writev') else 0
report(os.get_blocking, fd) if hasattr(os, 'get_blocking') else 0
report(os.set_blocking, fd, False) if hasattr(os, 'set_blocking') else 0
report(os.isatty, fd)
report(os.isatty, 0)
report(os.isatty, 1)
report(os.fstat, 99)
report(os.close, fd)
report(os.close, fd)
report(os.read, fd, 1)
report(os.write, 77, b'x')
try:
    with tempfile.TemporaryDirectory(dir='.') as t:
        p = os.path.join(t, 'x')
        open(p, 'w').write('q')
        print(os.listdir(t))
    print(os.path.exists(t))
    with tempfile.NamedTemporaryFile(dir='.') as t:
        t.write(b'x')
        t.flush()
        print(os.path.getsize(t.name))
    with tempfile.TemporaryFile(dir='.') as t:
        t.write(b'abc')
        t.seek(0)
        print(t.read())
    print(tempfile.gettempdir())
except Exception as e:
    print('temp', type(e).__name__, e)
for i in range(50):
    open(f'd/e/{i:03d}.txt', 'w').write(str(i))
for root, dirs, files in sorted(os.walk('.')):
    print(root, sorted(dirs), len(files))
print(len(glob.glob('**/*.txt', recursive=True)), sorted((p.name for p in pathlib.Path('d').iterdir())))
report(shutil.copyfile, 'd/e/001.txt', 'c1')
report(shutil.copy, 'd/e/001.txt', 'c2')
report(shutil.copy2, 'd/e/001.txt', 'c3')
report(shutil.move, 'c3', 'd/e/moved')
report(shutil.rmtree, 'd/e')
print(os.path.exists('d/e'))
print(json.loads(json.dumps({'a': [1, 2.5, None, True, 'é😀']})), re.findall('(\\w+)@(\\w+)', 'a@b c@d'), hashlib.sha256(b'x').hexdigest(), hashlib.md5(b'x').hexdigest(), hashlib.blake2b(b'x').hexdigest()[:20])
print(datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.timezone.utc).isoformat(), datetime.datetime.fromtimestamp(86400 * 365, datetime.timezone.utc), time.strftime('%Y-%m-%d', time.gmtime(0)), time.localtime(0)[:6], time.tzname)
t0 = time.monotonic()
time.sleep(0.02)
t1 = time.monotonic()
print(t1 - t0 >= 0.02, time.time() > 1600000000.0, time.perf_counter() >= 0, time.process_time() >= 0, time.time_ns() > 10 ** 18, time.get_clock_info('monotonic').resolution, time.get_clock_info('time').resolution)
report(time.clock_getres, time.CLOCK_REALTIME) if hasattr(time, 'clock_getres') else 0
report(time.sleep, -1)
report(time.sleep, 0)
random.seed(42)
print(random.random(), random.sample(range(1000), 5), len(os.urandom(33)), random.SystemRandom().random() < 1, uuid.UUID(int=5), len(str(uuid.uuid4())))
for m in ['zlib', 'sqlite3', 'bz2', 'lzma', 'ctypes', 'ssl', 'socket', 'select', 'threading', 'subprocess', 'multiprocessing', 'curses', 'readline', 'decimal', '_ctypes', 'unicodedata', 'mmap', 'fcntl', 'termios', 'resource', 'signal', 'asyncio', 'tkinter', 'xml.etree.ElementTree', 'pyexpat', '_uuid', 'zoneinfo']:
    try:
        __import__(m)
        print(m, 'yes')
    except BaseException as e:
        print(m, type(e).__name__, e)
try:
    import zlib
    d = zlib.compress(b'abc' * 1000)
    print(len(d), zlib.decompress(d) == b'abc' * 1000, zlib.crc32(b'x'))
    with zipfile.ZipFile('z.zip', 'w', zipfile.ZIP_DEFLATED) as z:
        z.writestr(zipfile.ZipInfo('a', (2020, 1, 1, 0, 0, 0)), 'x' * 1000)
    print(zipfile.ZipFile('z.zip').namelist(), zipfile.ZipFile('z.zip').testzip())
except Exception as e:
    print(e)
try:
    import sqlite3
    for p in (':memory:', 'db.sqlite'):
        c = sqlite3.connect(p)
        c.execute('create table t(a,b)')
        c.executemany('insert into t values(?,?)', [(i, str(i)) for i in range(1000)])
        c.commit()
        print(c.execute('select sum(a),count(*) from t').fetchall(), c.execute('pragma integrity_check').fetchall(), c.execute('pragma journal_mode=wal').fetchall())
        c.close()
except Exception as e:
    print('sqlite', type(e).__name__, e)
try:
    import threading
    t = threading.Thread(target=print, args=('in thread',))
    t.start()
    t.join()
except BaseException as e:
    print('thread', type(e).__name__, e)
try:
    import subprocess
    subprocess.run(['ls'])
except BaseException as e:
    print('sub', type(e).__name__, e)
try:
    import socket
    s = socket.socket()
    s.connect(('127.0.0.1', 80))
except BaseException as e:
    print('sock', type(e).__name__, e)
try:
    import asyncio

    async def f(n):
        await asyncio.sleep(0.001 * n)
        return n

    async def g():
        return await asyncio.gather(*[f(i) for i in range(5)])
    print(asyncio.run(g()))
except BaseException as e:
    print('asyncio', type(e).__name__, e)
try:
    import select
    print(select.select([], [1], [], 0))
except BaseException as e:
    print('select', type(e).__name__, e)
try:
    import select
    p = select.poll()
    p.register(1, select.POLLOUT)
    print(p.poll(10))
except BaseException as e:
    print('poll', type(e).__name__, e)
try:
    import signal
    print(signal.getsignal(signal.SIGINT))
except BaseException as e:
    print('signal', type(e).__name__, e)

def rec(n):
    return 0 if n == 0 else 1 + rec(n - 1)

def infinite(n):
    return infinite(n + 1)
try:
    infinite(0)
except RecursionError as e:
    print('RecursionError', e)
print(rec(900))
for lim, n in ((5000, 4000),):
    sys.setrecursionlimit(lim)
    try:
        print(lim, rec(n))
    except RecursionError as e:
        print('RecursionError', e)
sys.setrecursionlimit(1000)
try:
    1 / 0
except ZeroDivisionError:
    traceback.print_exc()
try:
    bytearray(1 << 31)
except (MemoryError, OverflowError):
    print('MemoryError')
x = [bytes(1 << 20) for _ in range(200)]
print(len(x))
del x
gc.collect()
print(decimal.Decimal(1) / 7, fractions.Fraction(1, 3) + 1, sum(itertools.islice(itertools.count(), 1000)), 2 ** 500 % 97, hash('a') == hash('a'), struct.pack('<dIq', 1.5, 2, -3), float('1e308') * 10, 0.1 + 0.2, round(2.675, 2))
print('stdin:', [l for l in sys.stdin])
import unittest

class T(unittest.TestCase):

    def test_a(self):
        self.assertEqual(1, 1)

    def test_b(self):
        self.assertEqual(1, 2)
r = unittest.TextTestRunner(stream=io.StringIO()).run(unittest.defaultTestLoader.loadTestsFromTestCase(T))
print(r)
sys.stderr.write('to stderr\n')
sys.stdout.flush()
import atexit
atexit.register(lambda: print('atexit'))
sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
