package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"
)

func show(what string, err error) {
	var pe *fs.PathError
	var le *os.LinkError
	var no syscall.Errno
	fmt.Println(what, err, errors.As(err, &pe), errors.As(err, &le), errors.As(err, &no), uintptr(no), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrPermission))
}

func files() {
	must := func(err error) {
		if err != nil {
			fmt.Println("FAIL", err)
		}
	}
	show("chdir", os.Chdir("/data"))
	wd, err := os.Getwd()
	fmt.Println(wd, err)
	must(os.MkdirAll("a/b/c", 0o755))
	must(os.WriteFile("a/f", bytes.Repeat([]byte("line\n"), 1000), 0o644))
	f, err := os.OpenFile("a/f", os.O_RDWR, 0)
	must(err)
	fmt.Println(f.Seek(10, io.SeekStart))
	fmt.Println(f.Seek(-5, io.SeekEnd))
	fmt.Println(f.Seek(2, io.SeekCurrent))
	_, err = f.Seek(-1, io.SeekStart)
	show("seek", err)
	buf := make([]byte, 8)
	n, err := f.ReadAt(buf, 3)
	fmt.Println(n, err, string(buf))
	n, err = f.ReadAt(buf, 4996)
	fmt.Println(n, err)
	n, err = f.WriteAt([]byte("XY"), 100)
	fmt.Println(n, err)
	must(f.Truncate(120))
	must(f.Sync())
	st, err := f.Stat()
	fmt.Println(st.Size(), st.Mode(), st.Name(), st.IsDir(), err)
	must(f.Close())
	show("close", f.Close())
	_, err = f.Read(buf)
	show("read closed", err)
	f, err = os.OpenFile("a/f", os.O_APPEND|os.O_WRONLY, 0)
	must(err)
	fmt.Fprint(f, "appended")
	_, err = f.WriteAt(buf, 0)
	fmt.Println(err)
	_, err = f.Read(buf)
	show("read of write-only", err)
	f.Close()
	_, err = os.OpenFile("a/f", os.O_CREATE|os.O_EXCL, 0o600)
	show("excl", err)
	_, err = os.Open("a/none")
	show("open", err)
	_, err = os.Open("a/f/x")
	show("open below file", err)
	show("mkdir", os.Mkdir("a", 0o755))
	show("mkdir2", os.Mkdir("n/o", 0o755))
	show("remove", os.Remove("a"))
	show("remove2", os.Remove("zzz"))
	show("rename", os.Rename("zz", "yy"))
	show("rename dir on file", os.Rename("a/b", "a/f"))
	show("rename file on dir", os.Rename("a/f", "a/b"))
	show("rename in itself", os.Rename("a", "a/b/x"))
	show("symlink", os.Symlink("f", "a/ln"))
	show("symlink", os.Symlink("f", "a/ln"))
	fmt.Println(os.Readlink("a/ln"))
	_, err = os.Readlink("a/f")
	show("readlink", err)
	st, err = os.Lstat("a/ln")
	fmt.Println(st.Mode(), st.Size(), err)
	st, err = os.Stat("a/ln")
	fmt.Println(st.Mode(), st.Size(), err)
	show("loop", os.Symlink("loop", "a/loop"))
	_, err = os.Stat("a/loop")
	show("stat loop", err)
	show("abs", os.Symlink("/etc/passwd", "a/abs"))
	_, err = os.ReadFile("a/abs")
	show("abs", err)
	show("up", os.Symlink("../../../../etc/passwd", "a/up"))
	_, err = os.ReadFile("a/up")
	show("up", err)
	_, err = os.ReadFile("../../etc/passwd")
	show("outside", err)
	_, err = os.ReadFile("/etc/passwd")
	show("etc", err)
	_, err = os.ReadDir("/")
	show("root", err)
	_, err = os.Stat("")
	show("empty", err)
	_, err = os.Stat("a\x00b")
	show("nul", err)
	_, err = os.Stat(strings.Repeat("n", 300))
	show("long", err)
	_, err = os.Stat("a/f/")
	show("slash", err)
	_, err = os.Stat("a/")
	show("slash dir", err)
	show("link", os.Link("a/f", "a/hard"))
	show("link dir", os.Link("a", "h2"))
	show("chmod", os.Chmod("a/f", 0o600))
	show("chown", os.Chown("a/f", 1, 1))
	when := time.Unix(1234567890, 987654321)
	show("chtimes", os.Chtimes("a/f", when, when))
	st, _ = os.Stat("a/f")
	fmt.Println(st.ModTime().UnixNano())
	show("chtimes none", os.Chtimes("a/zz", when, when))
	show("truncate", os.Truncate("a/f", 5))
	show("truncate dir", os.Truncate("a", 5))
	b, err := os.ReadFile("a/f")
	fmt.Println(string(b), err)
	_, err = os.ReadFile("a")
	show("read dir", err)
	show("write dir", os.WriteFile("a", nil, 0o644))
	_, err = os.ReadDir("a/f")
	show("readdir of file", err)
	t, err := os.MkdirTemp(".", "tmp")
	fmt.Println(t != "", err)
	tf, err := os.CreateTemp(t, "x*y")
	fmt.Println(err)
	tf.WriteString("abc")
	tf.Close()
	must(os.RemoveAll(t))
	_, err = os.Stat(t)
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	d1, err := os.Create("a/c1")
	must(err)
	os.Remove("a/c1")
	n, err = d1.WriteString("unlinked")
	fmt.Println(n, err)
	st, err = d1.Stat()
	fmt.Println(st.Size(), err)
	d1.Close()
	fmt.Println(os.Hostname())
	_, err = os.Executable()
	show("executable", err)
	fmt.Println(os.Getpid() > 0, os.Getuid(), os.Getpagesize())
	_, err = os.UserHomeDir()
	show("home", err)
	fmt.Println(os.TempDir())
	r, w, err := os.Pipe()
	show("pipe", err)
	_ = r
	_ = w
	fmt.Println(os.SameFile(st, st))
	fi, _ := os.Stdout.Stat()
	fmt.Println(fi.Mode()&os.ModeCharDevice != 0, fi.Name())
	root, err := filepath.Abs("a")
	fmt.Println(root, err)
	fmt.Println(filepath.EvalSymlinks("a/ln"))
}

func walk() {
	os.Chdir("/data")
	for i := 0; i < 1500; i++ {
		os.MkdirAll(fmt.Sprintf("t/%d/%d", i%3, i%7), 0o755)
		os.WriteFile(fmt.Sprintf("t/%d/%d/file-%d", i%3, i%7, i), []byte{byte(i)}, 0o644)
	}
	count, dirs := 0, 0
	var last string
	err := filepath.WalkDir("t", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p < last {
		}
		last = p
		if d.IsDir() {
			dirs++
		} else {
			count++
		}
		if p == "t/1/2" {
			return filepath.SkipDir
		}
		return nil
	})
	fmt.Println(count, dirs, last, err)
	err = filepath.Walk("t/0", func(p string, d fs.FileInfo, err error) error {
		fmt.Println(p, d.Mode(), d.Size() > 0)
		if d.IsDir() && len(p) > 5 {
			return filepath.SkipAll
		}
		return nil
	})
	fmt.Println(err)
	g, err := filepath.Glob("t/*/3/file-1?")
	fmt.Println(g, err)
	fsys := os.DirFS("t")
	e, err := fs.ReadDir(fsys, "2")
	fmt.Println(e, err)
	dir, _ := os.Open("t/0/0")
	seen := 0
	for {
		n, err := dir.Readdirnames(7)
		seen += len(n)
		if err != nil {
			fmt.Println(seen, err)
			break
		}
		if seen == 14 {
			os.Remove("t/0/0/" + n[0])
		}
	}
	dir.Seek(0, 0)
	names, err := dir.Readdirnames(-1)
	sort.Strings(names)
	fmt.Println(len(names), err)
	fmt.Println(os.RemoveAll("t/0"), os.Rename("t/1", "t/0"))
}

func stdin() {
	s := bufio.NewScanner(os.Stdin)
	n, bytes := 0, 0
	for s.Scan() {
		n++
		bytes += len(s.Text())
	}
	fmt.Println(n, bytes, s.Err())
	b := make([]byte, 1)
	k, err := os.Stdin.Read(b)
	fmt.Println(k, err)
}

func bigwrite() {
	w := bufio.NewWriter(os.Stdout)
	for i := 0; i < 300000; i++ {
		fmt.Fprintln(w, "line", i)
	}
	w.Flush()
}
