// Calls preview1 functions as its arguments say and prints what they answered: one line an argument.
//
// An argument is a function's name and its parameters, separated by blanks. A path or text may hold %XX escapes; `%` alone
// stands for the empty text. Numbers are decimal or 0x…, signed or not. What a function writes is printed when its errno is 0.
// The imports are declared by hand, so that no libc stands between the script and the host.
#include <stddef.h>
#include <stdint.h>

#define WASI(name) __attribute__((import_module(MODULE), import_name(#name)))
#ifndef MODULE
#define MODULE "wasi_snapshot_preview1"
#endif

typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;

WASI(args_get) i32 args_get(u32, u32);
WASI(args_sizes_get) i32 args_sizes_get(u32, u32);
WASI(environ_get) i32 environ_get(u32, u32);
WASI(environ_sizes_get) i32 environ_sizes_get(u32, u32);
WASI(clock_res_get) i32 clock_res_get(u32, u32);
WASI(clock_time_get) i32 clock_time_get(u32, u64, u32);
WASI(fd_advise) i32 fd_advise(u32, u64, u64, u32);
WASI(fd_allocate) i32 fd_allocate(u32, u64, u64);
WASI(fd_close) i32 fd_close(u32);
WASI(fd_datasync) i32 fd_datasync(u32);
WASI(fd_fdstat_get) i32 fd_fdstat_get(u32, u32);
WASI(fd_fdstat_set_flags) i32 fd_fdstat_set_flags(u32, u32);
WASI(fd_fdstat_set_rights) i32 fd_fdstat_set_rights(u32, u64, u64);
WASI(fd_filestat_get) i32 fd_filestat_get(u32, u32);
WASI(fd_filestat_set_size) i32 fd_filestat_set_size(u32, u64);
WASI(fd_filestat_set_times) i32 fd_filestat_set_times(u32, u64, u64, u32);
WASI(fd_pread) i32 fd_pread(u32, u32, u32, u64, u32);
WASI(fd_prestat_get) i32 fd_prestat_get(u32, u32);
WASI(fd_prestat_dir_name) i32 fd_prestat_dir_name(u32, u32, u32);
WASI(fd_pwrite) i32 fd_pwrite(u32, u32, u32, u64, u32);
WASI(fd_read) i32 fd_read(u32, u32, u32, u32);
WASI(fd_readdir) i32 fd_readdir(u32, u32, u32, u64, u32);
WASI(fd_renumber) i32 fd_renumber(u32, u32);
WASI(fd_seek) i32 fd_seek(u32, u64, u32, u32);
WASI(fd_sync) i32 fd_sync(u32);
WASI(fd_tell) i32 fd_tell(u32, u32);
WASI(fd_write) i32 fd_write(u32, u32, u32, u32);
WASI(path_create_directory) i32 path_create_directory(u32, u32, u32);
WASI(path_filestat_get) i32 path_filestat_get(u32, u32, u32, u32, u32);
WASI(path_filestat_set_times) i32 path_filestat_set_times(u32, u32, u32, u32, u64, u64, u32);
WASI(path_link) i32 path_link(u32, u32, u32, u32, u32, u32, u32);
WASI(path_open) i32 path_open(u32, u32, u32, u32, u32, u64, u64, u32, u32);
WASI(path_readlink) i32 path_readlink(u32, u32, u32, u32, u32, u32);
WASI(path_remove_directory) i32 path_remove_directory(u32, u32, u32);
WASI(path_rename) i32 path_rename(u32, u32, u32, u32, u32, u32);
WASI(path_symlink) i32 path_symlink(u32, u32, u32, u32, u32);
WASI(path_unlink_file) i32 path_unlink_file(u32, u32, u32);
WASI(poll_oneoff) i32 poll_oneoff(u32, u32, u32, u32);
WASI(proc_exit) _Noreturn void proc_exit(u32);
#ifndef UNSTABLE
WASI(proc_raise) i32 proc_raise(u32);
WASI(sock_accept) i32 sock_accept(u32, u32, u32);
#endif
WASI(random_get) i32 random_get(u32, u32);
WASI(sched_yield) i32 sched_yield(void);
WASI(sock_recv) i32 sock_recv(u32, u32, u32, u32, u32, u32);
WASI(sock_send) i32 sock_send(u32, u32, u32, u32, u32);
WASI(sock_shutdown) i32 sock_shutdown(u32, u32);

#define AT(p) ((u32)(uintptr_t)(p))

// ---- text ----
static char line[1 << 20];
static u32 lineLength;
// Printing goes to a copy of the script's descriptor choice: a script may close or renumber 1.
static u32 printTo = 1;

static void flush(void) {
  u32 done = 0;
  while (done < lineLength) {
    u32 vector[2] = {AT(line + done), lineLength - done};
    u32 written = 0;
    if (fd_write(printTo, AT(vector), 1, AT(&written)) != 0) proc_exit(99);
    done += written;
  }
  lineLength = 0;
}
static void putChar(char c) {
  if (lineLength == sizeof line) flush();
  line[lineLength++] = c;
}
static void put(const char *s) {
  while (*s) putChar(*s++);
}
static void putNumber(u64 n) {
  char digits[20];
  int k = 0;
  do digits[k++] = (char)('0' + n % 10);
  while (n /= 10);
  while (k) putChar(digits[--k]);
}
static void putHex(u64 n) {
  put("0x");
  int shift = 60;
  while (shift > 0 && !((n >> shift) & 15)) shift -= 4;
  for (; shift >= 0; shift -= 4) putChar("0123456789abcdef"[(n >> shift) & 15]);
}
static void putField(const char *name, u64 n) {
  putChar(' ');
  put(name);
  putChar('=');
  putNumber(n);
}
static void putHexField(const char *name, u64 n) {
  putChar(' ');
  put(name);
  putChar('=');
  putHex(n);
}
static void putBytes(const unsigned char *p, u32 n) {
  putChar('\'');
  for (u32 k = 0; k < n; k++) {
    if (p[k] < 32 || p[k] > 126 || p[k] == '%' || p[k] == '\'') {
      putChar('%');
      putChar("0123456789abcdef"[p[k] >> 4]);
      putChar("0123456789abcdef"[p[k] & 15]);
    } else
      putChar((char)p[k]);
  }
  putChar('\'');
}

// ---- the script ----
static const char *at;
static unsigned char heap[24 << 20];
static u32 heapUsed;

static unsigned char *take(u32 byteLength) {
  unsigned char *p = heap + heapUsed;
  heapUsed += (byteLength + 15u) & ~15u;
  if (heapUsed > sizeof heap) proc_exit(98);
  for (u32 k = 0; k < byteLength; k++) p[k] = '?';
  return p;
}
static void blanks(void) {
  while (*at == ' ') at++;
}
static int more(void) {
  blanks();
  return *at != 0;
}
static u64 number(void) {
  blanks();
  int negative = *at == '-';
  if (negative) at++;
  u64 n = 0;
  if (at[0] == '0' && at[1] == 'x') {
    at += 2;
    for (;; at++) {
      if (*at >= '0' && *at <= '9') n = n * 16 + (u64)(*at - '0');
      else if (*at >= 'a' && *at <= 'f') n = n * 16 + (u64)(*at - 'a' + 10);
      else break;
    }
  } else
    while (*at >= '0' && *at <= '9') n = n * 10 + (u64)(*at++ - '0');
  return negative ? 0 - n : n;
}
static u32 num(void) { return (u32)number(); }
static unsigned hex(char c) { return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a' + 10); }

typedef struct {
  unsigned char *bytes;
  u32 length;
} Text;
// `text*N` repeats the text N times.
static Text text(void) {
  blanks();
  const char *end = at;
  u32 longest = 0;
  while (*end && *end != ' ') end++, longest++;
  Text t = {heap + heapUsed, 0};
  u32 repeat = 1;
  while (at < end && *at != '*') {
    if (at[0] == '%' && at + 2 < end + 0 + 1 && at[1] && at[1] != ' ' && at[2] && at[2] != ' ') {
      t.bytes[t.length++] = (unsigned char)(hex(at[1]) * 16 + hex(at[2]));
      at += 3;
    } else if (*at == '%')
      at++;
    else
      t.bytes[t.length++] = (unsigned char)*at++;
  }
  if (*at == '*') {
    at++;
    repeat = num();
    for (u32 k = t.length; k < t.length * repeat; k++) t.bytes[k] = t.bytes[k - t.length];
    t.length *= repeat;
  }
  heapUsed += (t.length + 15u) & ~15u;
  return t;
}
static int word(const char *name) {
  const char *p = at;
  while (*name && *p == *name) p++, name++;
  if (*name || (*p && *p != ' ')) return 0;
  at = p;
  return 1;
}

// ---- structures ----
static u64 get(const unsigned char *p, int byteLength) {
  u64 n = 0;
  while (byteLength--) n = n << 8 | p[byteLength];
  return n;
}
static int showTimes;

static void putFilestat(const unsigned char *p) {
#ifdef UNSTABLE
  int nlinkAt = 20, nlinkLength = 4, sizeAt = 24;
#else
  int nlinkAt = 24, nlinkLength = 8, sizeAt = 32;
#endif
  putField("type", p[16]);
  // Of directories both are the file system's own matter.
  if (p[16] != 3) {
    putField("nlink", get(p + nlinkAt, nlinkLength));
    putField("size", get(p + sizeAt, 8));
  }
  if (showTimes) {
    putField("atim", get(p + sizeAt + 8, 8));
    putField("mtim", get(p + sizeAt + 16, 8));
  }
}
static void putFdstat(const unsigned char *p) {
  putField("type", p[0]);
  putField("flags", get(p + 2, 2));
  putHexField("base", get(p + 8, 8));
  putHexField("inheriting", get(p + 16, 8));
}
static void putEntries(const unsigned char *p, u32 used) {
  u32 k = 0;
  while (k + 24 <= used) {
    u32 nameLength = (u32)get(p + k + 16, 4);
    put(" [");
    putNumber(get(p + k, 8));
    putChar(' ');
    putNumber(get(p + k + 20, 1));
    putChar(' ');
    u32 here = used - k - 24;
    putBytes(p + k + 24, nameLength < here ? nameLength : here);
    putChar(']');
    if (nameLength > here) put(" cut");
    k += 24 + nameLength;
  }
  if (k < used) putField("tail", used - k);
}

// Sizes separated by commas: `4,0,3`; `xN` makes N vectors of no length.
static u32 vectorCount;
static unsigned char *vectors(int isOutput) {
  blanks();
  unsigned char *start = heap + heapUsed;
  u32 *slot = (u32 *)(void *)start;
  vectorCount = 0;
  if (*at == 'x') {
    at++;
    vectorCount = num();
    take(vectorCount * 8);
    for (u32 k = 0; k < vectorCount * 2; k++) slot[k] = 0;
    return start;
  }
  take(8 * 64);
  while (*at && *at != ' ') {
    if (isOutput) {
      const char *save = at;
      u32 n = 0;
      while (*at && *at != ' ' && *at != ',') at++, n++;
      unsigned char *p = take(n + 1);
      u32 length = 0;
      while (save < at) {
        if (*save == '%' && save + 1 < at) {
          p[length++] = (unsigned char)(hex(save[1]) * 16 + hex(save[2]));
          save += 3;
        } else if (*save == '%')
          save++;
        else
          p[length++] = (unsigned char)*save++;
      }
      slot[vectorCount * 2] = AT(p);
      slot[vectorCount * 2 + 1] = length;
    } else {
      u32 n = num();
      slot[vectorCount * 2] = AT(take(n));
      slot[vectorCount * 2 + 1] = n;
    }
    vectorCount++;
    if (*at == ',') at++;
  }
  return start;
}
static void putRead(const unsigned char *start, u32 byteLength) {
  const u32 *slot = (const u32 *)(const void *)start;
  putField("n", byteLength);
  if (byteLength > 4096) return;
  for (u32 k = 0; k < vectorCount && byteLength; k++) {
    u32 part = slot[k * 2 + 1] < byteLength ? slot[k * 2 + 1] : byteLength;
    if (!part) continue;
    putChar(' ');
    putBytes((const unsigned char *)(uintptr_t)slot[k * 2], part);
    byteLength -= part;
  }
}

static void set(unsigned char *p, int byteLength, u64 n) {
  while (byteLength--) *p++ = (unsigned char)n, n >>= 8;
}
#ifdef UNSTABLE
enum { SUBSCRIPTION = 56, SUB_TAG = 8, SUB_CLOCK_ID = 24, SUB_TIMEOUT = 32, SUB_FLAGS = 48, SUB_FD = 16 };
#else
enum { SUBSCRIPTION = 48, SUB_TAG = 8, SUB_CLOCK_ID = 16, SUB_TIMEOUT = 24, SUB_FLAGS = 40, SUB_FD = 16 };
#endif

static u64 now(u32 clock) {
  u64 t = 0;
  if (clock_time_get(clock, 1, AT(&t)) != 0) proc_exit(97);
  return t;
}

// A subscription is one of these, with `xN` before it for N of its kind:
// `clock ID FLAGS TIMEOUT`, `now+ ID FLAGS DELTA` (absolute, from now), `read FD`, `write FD`, `tag TAG FD`
static i32 poll(void) {
  enum { MOST = 2048, SHOWN = 64 };
  u32 count = 0;
  unsigned char *subs = take(SUBSCRIPTION * MOST);
  for (u32 k = 0; k < SUBSCRIPTION * MOST; k++) subs[k] = 0;
  while (more()) {
    u32 repeat = *at == 'x' ? (at++, num()) : 1;
    blanks();
    unsigned char *s = subs + count * SUBSCRIPTION;
    set(s, 8, 100 + count);
    int relative = word("clock");
    if (relative || word("now+")) {
      u32 id = num(), flags = num();
      u64 timeout = number();
      s[SUB_TAG] = 0;
      set(s + SUB_CLOCK_ID, 4, id);
      set(s + SUB_TIMEOUT, 8, relative ? timeout : now(id) + timeout);
      set(s + SUB_FLAGS, 2, flags);
    } else {
      int tag = word("read") ? 1 : word("write") ? 2 : (word("tag"), (int)num());
      s[SUB_TAG] = (unsigned char)tag;
      set(s + SUB_FD, 4, num());
    }
    for (count++; repeat > 1 && count < MOST; repeat--, count++) {
      for (u32 k = 0; k < SUBSCRIPTION; k++) subs[count * SUBSCRIPTION + k] = s[k];
      set(subs + count * SUBSCRIPTION, 8, 100 + count);
    }
  }
  unsigned char *events = take(32 * MOST);
  u32 ready = 77;
  i32 e = poll_oneoff(AT(subs), AT(events), count, AT(&ready));
  put(" errno=");
  putNumber((u64)(u32)e);
  if (e == 0) {
    putField("ready", ready);
    for (u32 k = 0; k < ready; k++) {
      unsigned char *p = events + 32 * k;
      if (k >= SHOWN && k + 1 < ready) continue;
      put(" [");
      putNumber(get(p, 8));
      putField("error", get(p + 8, 2));
      putField("type", p[10]);
      if (p[10] != 0) {
        putField("nbytes", get(p + 16, 8));
        putField("flags", get(p + 24, 2));
      }
      putChar(']');
    }
  }
  return -1;
}

// Scripts say 0 start, 1 position, 2 end, as the later version does.
static u32 whence(u32 number) {
#ifdef UNSTABLE
  return number > 2 ? number : (number + 2) % 3;
#else
  return number;
#endif
}

// ---- dispatch ----
#define ERRNO(call)             \
  do {                          \
    e = (call);                 \
    put(" errno=");             \
    putNumber((u64)(u32)e);     \
  } while (0)

static void strings(i32 (*sizes)(u32, u32), i32 (*fill)(u32, u32)) {
  u32 count = 0, byteLength = 0;
  i32 e = sizes(AT(&count), AT(&byteLength));
  put(" errno=");
  putNumber((u64)(u32)e);
  putField("count", count);
  putField("bytes", byteLength);
  u32 *pointers = (u32 *)(void *)take(count * 4 + 4);
  unsigned char *bytes = take(byteLength);
  e = fill(AT(pointers), AT(bytes));
  put(" errno=");
  putNumber((u64)(u32)e);
  for (u32 k = 0; k < count; k++) putField("at", pointers[k] - AT(bytes));
  putChar(' ');
  putBytes(bytes, byteLength);
}

static void callFd(void) {
  i32 e;
  unsigned char *p = take(64);
  u32 *out = (u32 *)(void *)p;
  u64 *out64 = (u64 *)(void *)p;
  u32 fd;
  u64 a, b;
  if (word("fd_advise")) fd = num(), a = number(), b = number(), ({ ERRNO(fd_advise(fd, a, b, num())); });
  else if (word("fd_allocate")) fd = num(), a = number(), b = number(), ({ ERRNO(fd_allocate(fd, a, b)); });
  else if (word("fd_close")) ERRNO(fd_close(num()));
  else if (word("fd_datasync")) ERRNO(fd_datasync(num()));
  else if (word("fd_sync")) ERRNO(fd_sync(num()));
  else if (word("fd_fdstat_get")) {
    ERRNO(fd_fdstat_get(num(), AT(p)));
    if (!e) putFdstat(p);
  } else if (word("fd_fdstat_set_flags")) fd = num(), ({ ERRNO(fd_fdstat_set_flags(fd, num())); });
  else if (word("fd_fdstat_set_rights")) fd = num(), a = number(), b = number(), ({ ERRNO(fd_fdstat_set_rights(fd, a, b)); });
  else if (word("fd_filestat_get")) {
    ERRNO(fd_filestat_get(num(), AT(p)));
    if (!e) putFilestat(p);
  } else if (word("fd_filestat_set_size")) fd = num(), a = number(), ({ ERRNO(fd_filestat_set_size(fd, a)); });
  else if (word("fd_filestat_set_times")) fd = num(), a = number(), b = number(), ({ ERRNO(fd_filestat_set_times(fd, a, b, num())); });
  else if (word("fd_pread")) {
    fd = num();
    unsigned char *v = vectors(0);
    ERRNO(fd_pread(fd, AT(v), vectorCount, number(), AT(out)));
    if (!e) putRead(v, *out);
  } else if (word("fd_read")) {
    fd = num();
    unsigned char *v = vectors(0);
    ERRNO(fd_read(fd, AT(v), vectorCount, AT(out)));
    if (!e) putRead(v, *out);
  } else if (word("fd_pwrite")) {
    fd = num();
    unsigned char *v = vectors(1);
    ERRNO(fd_pwrite(fd, AT(v), vectorCount, number(), AT(out)));
    if (!e) putField("n", *out);
  } else if (word("fd_write")) {
    fd = num();
    unsigned char *v = vectors(1);
    if (fd <= 2) flush();
    ERRNO(fd_write(fd, AT(v), vectorCount, AT(out)));
    if (!e) putField("n", *out);
  } else if (word("fd_prestat_get")) {
    ERRNO(fd_prestat_get(num(), AT(p)));
    if (!e) putField("tag", p[0]), putField("length", out[1]);
  } else if (word("fd_prestat_dir_name")) {
    fd = num();
    u32 n = num();
    unsigned char *name = take(n + 1);
    ERRNO(fd_prestat_dir_name(fd, AT(name), n));
    putChar(' '), putBytes(name, n + 1);
  } else if (word("fd_readdir")) {
    fd = num();
    u32 n = num();
    unsigned char *entries = take(n);
    ERRNO(fd_readdir(fd, AT(entries), n, number(), AT(out)));
    if (!e) putField("used", *out), putEntries(entries, *out);
  } else if (word("fd_renumber")) fd = num(), ({ ERRNO(fd_renumber(fd, num())); });
  else if (word("fd_seek")) {
    fd = num(), a = number();
    ERRNO(fd_seek(fd, a, whence(num()), AT(p)));
    if (!e) putField("at", *out64);
  } else if (word("fd_tell")) {
    ERRNO(fd_tell(num(), AT(p)));
    if (!e) putField("at", *out64);
  } else
    put(" unknown");
}

static void callPath(void) {
  i32 e;
  unsigned char *p = take(64);
  u32 *out = (u32 *)(void *)p;
  Text t, t2;
  u32 fd, flags;
  u64 a, b;
  if (word("path_create_directory")) fd = num(), t = text(), ({ ERRNO(path_create_directory(fd, AT(t.bytes), t.length)); });
  else if (word("path_filestat_get")) {
    fd = num(), flags = num(), t = text();
    ERRNO(path_filestat_get(fd, flags, AT(t.bytes), t.length, AT(p)));
    if (!e) putFilestat(p);
  } else if (word("path_filestat_set_times")) {
    fd = num(), flags = num(), t = text(), a = number(), b = number();
    ERRNO(path_filestat_set_times(fd, flags, AT(t.bytes), t.length, a, b, num()));
  } else if (word("path_link")) {
    fd = num(), flags = num(), t = text();
    u32 fd2 = num();
    t2 = text();
    ERRNO(path_link(fd, flags, AT(t.bytes), t.length, fd2, AT(t2.bytes), t2.length));
  } else if (word("path_open")) {
    fd = num(), flags = num(), t = text();
    u32 oflags = num();
    a = number(), b = number();
    *out = 0;
    ERRNO(path_open(fd, flags, AT(t.bytes), t.length, oflags, a, b, num(), AT(out)));
    if (!e) putField("fd", *out);
  } else if (word("path_readlink")) {
    fd = num(), t = text();
    u32 n = num();
    unsigned char *target = take(n + 1);
    ERRNO(path_readlink(fd, AT(t.bytes), t.length, AT(target), n, AT(out)));
    if (!e) putField("n", *out), putChar(' '), putBytes(target, *out);
  } else if (word("path_remove_directory")) fd = num(), t = text(), ({ ERRNO(path_remove_directory(fd, AT(t.bytes), t.length)); });
  else if (word("path_rename")) {
    fd = num(), t = text();
    u32 fd2 = num();
    t2 = text();
    ERRNO(path_rename(fd, AT(t.bytes), t.length, fd2, AT(t2.bytes), t2.length));
  } else if (word("path_symlink")) {
    t = text(), fd = num(), t2 = text();
    ERRNO(path_symlink(AT(t.bytes), t.length, fd, AT(t2.bytes), t2.length));
  } else if (word("path_unlink_file")) fd = num(), t = text(), ({ ERRNO(path_unlink_file(fd, AT(t.bytes), t.length)); });
  else
    put(" unknown");
}

static void enter(void);
static u32 contents(u32 fd, u32 path, u32 *count);

static void callOther(void) {
  i32 e;
  unsigned char *p = take(64);
  u32 *out = (u32 *)(void *)p;
  u64 *out64 = (u64 *)(void *)p;
  u32 fd;
  if (word("args")) strings(args_sizes_get, args_get);
  else if (word("environ")) strings(environ_sizes_get, environ_get);
  else if (word("clock_res_get")) {
    ERRNO(clock_res_get(num(), AT(p)));
    if (!e) putField("ns", *out64);
  } else if (word("clock_time_get")) {
    fd = num();
    ERRNO(clock_time_get(fd, number(), AT(p)));
    if (!e) put(*out64 ? " some" : " zero");
  } else if (word("poll_oneoff")) poll();
  else if (word("proc_exit")) flush(), proc_exit(num());
#ifndef UNSTABLE
  else if (word("proc_raise")) ERRNO(proc_raise(num()));
  else if (word("sock_accept")) {
    fd = num();
    ERRNO(sock_accept(fd, num(), AT(out)));
    if (!e) putField("fd", *out);
  }
#endif
  else if (word("random_get")) {
    u32 n = num();
    unsigned char *bytes = take(n);
    ERRNO(random_get(AT(bytes), n));
    u32 same = 0;
    for (u32 k = 0; k < n; k++) same += bytes[k] == '?';
    put(same == n && n > 4 ? " untouched" : " filled");
  } else if (word("sched_yield")) ERRNO(sched_yield());
  else if (word("sock_recv")) {
    fd = num();
    unsigned char *v = vectors(0);
    ERRNO(sock_recv(fd, AT(v), vectorCount, num(), AT(out), AT(out + 1)));
    if (!e) putRead(v, out[0]), putField("roflags", out[1] & 0xffff);
  } else if (word("sock_send")) {
    fd = num();
    unsigned char *v = vectors(1);
    ERRNO(sock_send(fd, AT(v), vectorCount, num(), AT(out)));
    if (!e) putField("n", *out);
  } else if (word("sock_shutdown")) fd = num(), ({ ERRNO(sock_shutdown(fd, num())); });
  else if (word("show")) showTimes = 1;
  else if (word("dir")) enter();
  else if (word("contents")) {
    u32 count = 0, sum = contents(num(), 2166136261u, &count);
    putField("entries", count), putHexField("sum", sum);
  }
  else if (word("print")) printTo = num();
  else if (word("trap")) flush(), __builtin_trap();
  else if (word("path_open#")) {
    // path_open# COUNT FD FLAGS PATH OFLAGS RIGHTS RIGHTS FDFLAGS: opens until it fails, prints how many and the last errno
    u32 most = num(), done = 0;
    fd = num();
    u32 flags = num();
    Text t = text();
    u32 oflags = num();
    u64 a = number(), b = number();
    u32 fdflags = num();
    e = 0;
    while (done < most && !(e = path_open(fd, flags, AT(t.bytes), t.length, oflags, a, b, fdflags, AT(out)))) done++;
    putField("opened", done), putField("errno", (u64)(u32)e);
  } else
    put(" unknown");
}

// ---- many trees in one run ----
// `dir NAME` closes all that was opened and makes descriptor 4 the directory NAME of the preopen. The next that are opened
// get the numbers 20, 19, 18 and so on.
static void enter(void) {
  static u32 isOpen;
  const u32 most = 20;
  Text name = text();
  u32 fd = 0;
  if (!isOpen)
    while (fd < most && path_open(3, 0, AT("."), 1, 2, 0, 0, 0, AT(&fd)) == 0) isOpen = 1;
  for (u32 k = 5; k <= most; k++) fd_close(k);
  if (path_open(3, 0, AT(name.bytes), name.length, 2, 0, 0, 0, AT(&fd)) != 0) proc_exit(94);
  if (fd_renumber(fd, 4) != 0) proc_exit(93);
}
static u32 hash(u32 sum, const unsigned char *p, u32 byteLength) {
  while (byteLength--) sum = (sum ^ *p++) * 16777619u;
  return sum;
}
// Adds up what a directory and those below it hold: names, types, links and sizes, in whatever order they are listed.
static u32 contents(u32 fd, u32 path, u32 *count) {
  static unsigned char stat[64];
  unsigned char *entries = take(8192);
  u32 used = 0, sum = 0;
  if (fd_readdir(fd, AT(entries), 8192, 0, AT(&used)) != 0) return 1;
  for (u32 k = 0; k + 24 <= used;) {
    u32 length = (u32)get(entries + k + 16, 4);
    unsigned char type = entries[k + 20], *name = entries + k + 24;
    k += 24 + length;
    if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'))) continue;
    u32 here = hash(hash(path, name, length), &type, 1), below = 0;
    ++*count;
    if (type == 3) {
      if (path_open(fd, 0, AT(name), length, 2, 0, 0, 0, AT(&below)) != 0) return 2;
      sum += contents(below, here, count);
      fd_close(below);
    } else if (path_filestat_get(fd, 0, AT(name), length, AT(stat)) == 0)
#ifdef UNSTABLE
      here = hash(hash(here, stat + 20, 4), stat + 24, 8);
#else
      here = hash(hash(here, stat + 24, 4), stat + 32, 8);
#endif
    sum += here;
  }
  return sum;
}

static void run(const char *call) {
  at = call;
  heapUsed = 0;
  put(call);
  put(" ->");
  if (call[0] == 'f' && call[1] == 'd') callFd();
  else if (call[0] == 'p' && call[1] == 'a' && call[9] != '#') callPath();
  else callOther();
  putChar('\n');
  flush();
}

static unsigned char argBytes[1 << 20];
static u32 argPointers[1 << 14];

void _start(void) {
  u32 count = 0, byteLength = 0;
  if (args_sizes_get(AT(&count), AT(&byteLength)) != 0 || byteLength > sizeof argBytes || count > 1 << 14) proc_exit(96);
  if (args_get(AT(argPointers), AT(argBytes)) != 0) proc_exit(95);
  for (u32 k = 1; k < count; k++) run((const char *)(uintptr_t)argPointers[k]);
}
