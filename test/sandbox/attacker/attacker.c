// Uses `race`, which another process keeps swapping between a directory of ours and a way out, in every way there is, and
// says what it got: how often each use went well, with which errnos it did not, and whether anything came from outside.
//
// Outside lies a file `secret` of 12345 bytes that begins with SECRET, and a file `marker`; in our own `race` the file
// `secret` says PUBLIC. Argument: how many rounds.
#include <stddef.h>
#include <stdint.h>

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;

WASI(args_get) i32 args_get(u32, u32);
WASI(fd_close) i32 fd_close(u32);
WASI(fd_read) i32 fd_read(u32, u32, u32, u32);
WASI(fd_readdir) i32 fd_readdir(u32, u32, u32, u64, u32);
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

#define AT(p) ((u32)(uintptr_t)(p))
#define TEXT(s) AT(s), (u32)(sizeof(s) - 1)

enum { ROOT = 3, FOLLOW = 1, CREATE = 1, DIRECTORY = 2, EXCLUSIVE = 4 };
static const u64 READ = 2, WRITE = 64, LIST = 1 << 14;

enum { OPEN, OPEN_BELOW, STAT, MAKE, DIRECTORIES, RENAME, HARD_LINK, SYMBOLIC_LINK, TIMES, LISTING, DOTS, READ_LINK, USES };
static const char *const NAMES[USES] = {"open",  "open-below", "stat",  "make",    "directories", "rename",
                                        "link",  "symlink",    "times", "listing", "dots",        "readlink"};
static u32 went[USES], failed[USES], escapes;
static unsigned char errnos[USES][128];

static void count(int use, i32 error) {
  if (error == 0) went[use]++;
  else failed[use]++, errnos[use][error & 127] = 1;
}

static unsigned char bytes[65536];

static void readAndClose(int use, u32 fd) {
  u32 vector[2] = {AT(bytes), 6}, got = 0;
  i32 error = fd_read(fd, AT(vector), 1, AT(&got));
  count(use, error);
  if (error == 0 && got == 6 && bytes[0] == 'S' && bytes[1] == 'E') escapes++;
  fd_close(fd);
}

static i32 open(u32 directory, const char *path, u32 length, u32 oflags, u64 rights, u32 *fd) {
  return path_open(directory, FOLLOW, AT(path), length, oflags, rights, rights, 0, AT(fd));
}
#define OPEN_TEXT(directory, s, oflags, rights, fd) open(directory, s, sizeof(s) - 1, oflags, rights, fd)

static void openAndRead(int use, const char *path, u32 length) {
  u32 fd;
  i32 error = open(ROOT, path, length, 0, READ, &fd);
  if (error != 0) count(use, error);
  else readAndClose(use, fd);
}

static void openBelow(void) {
  u32 race, fd;
  i32 error = OPEN_TEXT(ROOT, "race", DIRECTORY, READ | LIST, &race);
  if (error != 0) return count(OPEN_BELOW, error);
  error = OPEN_TEXT(race, "secret", 0, READ, &fd);
  if (error != 0) count(OPEN_BELOW, error);
  else readAndClose(OPEN_BELOW, fd);
  if (OPEN_TEXT(race, "../secret", 0, READ, &fd) == 0) escapes++;
  fd_close(race);
}

static void status(void) {
  i32 error = path_filestat_get(ROOT, FOLLOW, TEXT("race/secret"), AT(bytes));
  count(STAT, error);
  if (error == 0 && *(u64 *)(void *)(bytes + 32) == 12345) escapes++;
}

static void make(void) {
  u32 fd;
  i32 error = OPEN_TEXT(ROOT, "race/made", CREATE | EXCLUSIVE, WRITE, &fd);
  count(MAKE, error);
  if (error == 0) {
    u32 vector[2] = {AT("x"), 1}, put;
    fd_write(fd, AT(vector), 1, AT(&put));
    fd_close(fd);
  }
  path_unlink_file(ROOT, TEXT("race/made"));
}

static void directories(void) {
  count(DIRECTORIES, path_create_directory(ROOT, TEXT("race/dir")));
  path_remove_directory(ROOT, TEXT("race/dir"));
}

static void renames(void) {
  count(RENAME, path_rename(ROOT, TEXT("race/secret"), ROOT, TEXT("race/renamed")));
  path_rename(ROOT, TEXT("race/renamed"), ROOT, TEXT("race/secret"));
  path_rename(ROOT, TEXT("race/marker"), ROOT, TEXT("stolen"));
  path_rename(ROOT, TEXT("gift"), ROOT, TEXT("race/gift"));
  path_rename(ROOT, TEXT("race/gift"), ROOT, TEXT("gift"));
}

static void hardLinks(void) {
  count(HARD_LINK, path_link(ROOT, 0, TEXT("race/secret"), ROOT, TEXT("race/hard")));
  path_unlink_file(ROOT, TEXT("race/hard"));
  if (path_link(ROOT, 0, TEXT("race/marker"), ROOT, TEXT("stolen")) == 0) escapes++;
  path_unlink_file(ROOT, TEXT("race/marker"));
}

static void symbolicLinks(void) {
  count(SYMBOLIC_LINK, path_symlink(TEXT("secret"), ROOT, TEXT("race/sym")));
  openAndRead(SYMBOLIC_LINK, "race/sym", 8);
  path_unlink_file(ROOT, TEXT("race/sym"));
}

static void listing(void) {
  u32 race, used;
  i32 error = OPEN_TEXT(ROOT, "race", DIRECTORY, READ | LIST, &race);
  if (error == 0) {
    error = fd_readdir(race, AT(bytes), 4096, 0, AT(&used));
    fd_close(race);
    for (u32 k = 0; error == 0 && k + 6 <= used; k++) {
      if (bytes[k] == 'm' && bytes[k + 1] == 'a' && bytes[k + 2] == 'r' && bytes[k + 3] == 'k') escapes++;
    }
  }
  count(LISTING, error);
}

static void dots(void) {
  openAndRead(DOTS, "race/../race/secret", 19);
  openAndRead(DOTS, "race/sub/../secret", 18);
  openAndRead(DOTS, "race/../secret", 14);
  openAndRead(DOTS, "race/sub/../../../secret", 24);
}

static void readLink(void) {
  u32 used = 0;
  i32 error = path_readlink(ROOT, TEXT("race"), AT(bytes), 100, AT(&used));
  count(READ_LINK, error);
  if (error == 0 && bytes[0] == '/') escapes++;
}

// ---- report ----
static char line[4096];
static u32 lineLength;
static void put(const char *s) {
  while (*s) line[lineLength++] = *s++;
}
static void putNumber(u32 n) {
  char digits[10];
  int k = 0;
  do digits[k++] = (char)('0' + n % 10);
  while (n /= 10);
  while (k) line[lineLength++] = digits[--k];
}

static void printLine(void) {
  u32 vector[2] = {AT(line), lineLength}, written;
  fd_write(1, AT(vector), 1, AT(&written));
}

void _start(void) {
  static char text[256];
  static u32 pointers[8];
  args_get(AT(pointers), AT(text));
  u32 rounds = 0;
  for (const char *p = (const char *)(uintptr_t)pointers[1]; *p; p++) rounds = rounds * 10 + (u32)(*p - '0');
  for (u32 k = 0; k < rounds; k++) {
    openAndRead(OPEN, "race/secret", 11);
    openBelow();
    status();
    make();
    directories();
    renames();
    hardLinks();
    symbolicLinks();
    count(TIMES, path_filestat_set_times(ROOT, FOLLOW, TEXT("race/secret"), 1, 2, 5));
    listing();
    dots();
    readLink();
  }
  put("{");
  for (int use = 0; use < USES; use++) {
    put("\""), put(NAMES[use]), put("\":["), putNumber(went[use]), put(","), putNumber(failed[use]), put(",[");
    for (u32 error = 0, any = 0; error < 128; error++) {
      if (!errnos[use][error]) continue;
      if (any++) put(",");
      putNumber(error);
    }
    put("]],");
  }
  put("\"escapes\":"), putNumber(escapes), put("}\n");
  printLine();
}
