package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"text/template"
	"time"
)

var sections = map[string]func(){
	"goroutines": goroutines,
	"timers":     timers,
	"refused":    refused,
	"files":      files,
	"walk":       walk,
	"stdin":      stdin,
	"bigwrite":   bigwrite,
	"gc":         gc,
	"env":        env,
	"library":    library,
	"depth":      depth,
	"panic":      func() { panic(errors.New("a panic")) },
	"goexit": func() {
		go func() { panic(errors.New("in a goroutine")) }()
		select {}
	},
	"deadlock": func() { <-make(chan int) },
	"exit": func() {
		defer fmt.Println("never")
		os.Exit(42)
	},
	"exit200": func() { os.Exit(200) },
	"nil": func() {
		defer func() { fmt.Println("recovered:", recover()) }()
		var p *int
		*p = 1
	},
}

// Prints what the sections named by the arguments see of the host: nothing that differs between runs.
func main() {
	if len(os.Args) < 2 {
		fmt.Println("sections?")
		os.Exit(2)
	}
	for _, name := range os.Args[1:] {
		fmt.Println("==", name)
		sections[name]()
	}
}

type node struct{ l, r *node }

func tree(d int) *node {
	if d == 0 {
		return &node{}
	}
	return &node{tree(d - 1), tree(d - 1)}
}

func (n *node) count() int {
	if n.l == nil {
		return 1
	}
	return 1 + n.l.count() + n.r.count()
}

func gc() {
	total := 0
	for i := 0; i < 40; i++ {
		total += tree(14).count()
	}
	fmt.Println(total)
	m := map[string][]byte{}
	for i := 0; i < 200000; i++ {
		m[fmt.Sprint(i%5000)] = make([]byte, i%3000)
	}
	fmt.Println(len(m))
	runtime.GC()
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	fmt.Println(ms.NumGC > 1)
	debug.FreeOSMemory()
}

//go:noinline
func recurse(n int) int {
	var pad [8]int
	pad[n%8] = n
	if n == 0 {
		return 0
	}
	return recurse(n-1) + pad[n%8] - n + 1
}

func depth() {
	fmt.Println(recurse(4000))
	c := make(chan int)
	go func() { c <- recurse(3000) }()
	fmt.Println(<-c)
}

func library() {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(bytes.Repeat([]byte("abc"), 100000))
	z.Close()
	fmt.Println(b.Len())
	r, _ := gzip.NewReader(&b)
	all, err := io.ReadAll(r)
	fmt.Println(len(all), err, fmt.Sprintf("%x", sha256.Sum256(all)))
	j, err := json.Marshal(map[string]any{"b": 1.5, "a": []int{1, 2}, "t": time.Unix(0, 0).UTC()})
	fmt.Println(string(j), err)
	template.Must(template.New("t").Parse("{{range .}}<{{.}}>{{end}}\n")).Execute(os.Stdout, []int{1, 2, 3})
	rnd := rand.New(rand.NewSource(1))
	fmt.Println(rnd.Intn(1000), rand.Int() >= 0)
	fmt.Printf("%v %08.3f %+q %x %T\n", []string{"é"}, 3.14159, "\u00e9", "hi", struct{ A int }{1})
}

func env() {
	variables := os.Environ()
	sort.Strings(variables)
	fmt.Printf("%q\n", variables)
	empty, isSet := os.LookupEnv("EMPTY")
	fmt.Printf("%q %v %d\n", empty, isSet, len(os.Args))
	os.Setenv("NEW", "x")
	fmt.Println(os.ExpandEnv("${NEW}$A"))
	fmt.Fprintln(os.Stderr, "to stderr")
}
