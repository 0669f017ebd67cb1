package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func goroutines() {
	var wg sync.WaitGroup
	var sum atomic.Int64
	jobs := make(chan int)
	for w := 0; w < 100; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range jobs {
				sum.Add(int64(j))
				runtime.Gosched()
			}
		}()
	}
	for i := 0; i < 10000; i++ {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	fmt.Println(sum.Load(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.GOMAXPROCS(0))
	// a sieve
	ch := make(chan int)
	go func() {
		for i := 2; ; i++ {
			ch <- i
		}
	}()
	for i := 0; i < 200; i++ {
		p := <-ch
		if i > 196 {
			fmt.Println(p)
		}
		next := make(chan int)
		go func(in, out chan int) {
			for {
				if v := <-in; v%p != 0 {
					out <- v
				}
			}
		}(ch, next)
		ch = next
	}
	var mu sync.RWMutex
	c := sync.NewCond(&sync.Mutex{})
	_ = c
	var once sync.Once
	m := map[int]int{}
	for i := 0; i < 50; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			once.Do(func() { fmt.Println("once") })
			mu.Lock()
			m[i%7]++
			mu.Unlock()
		}(i)
	}
	wg.Wait()
	fmt.Println(m)
}

func timers() {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	for n := 0; n < 3; n++ {
		<-tick.C
	}
	tick.Stop()
	<-ctx.Done()
	fmt.Println(ctx.Err(), time.Since(start) >= 30*time.Millisecond)
	elapsed := make(chan int, 3)
	for _, d := range []int{80, 20, 50} {
		d := d
		time.AfterFunc(time.Duration(d)*time.Millisecond, func() { elapsed <- d })
	}
	fmt.Println(<-elapsed + <-elapsed + <-elapsed)
	t := time.NewTimer(time.Hour)
	fmt.Println(t.Stop(), t.Reset(time.Millisecond))
	<-t.C
	select {
	case <-time.After(2 * time.Millisecond):
		fmt.Println("after")
	}
	time.Sleep(-5)
	time.Sleep(0)
	time.Sleep(time.Microsecond)
	ctx2, cancel2 := context.WithCancelCause(context.Background())
	go func() { time.Sleep(time.Millisecond); cancel2(errors.New("the cause")) }()
	<-ctx2.Done()
	fmt.Println(context.Cause(ctx2))
	fmt.Println(time.Unix(0, 0).UTC(), time.Unix(86400, 0).Location(), time.Now().Year() > 2020)
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	signal.Stop(c)
}

func refused() {
	_, err := net.Dial("tcp", "127.0.0.1:1")
	fmt.Println(err)
	_, err = net.LookupHost("localhost")
	fmt.Println(err)
	_, err = exec.Command("ls").Output()
	fmt.Println(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fmt.Println(err)
	if err == nil { // the in-memory network of wasip1
		go func() {
			c, err := l.Accept()
			if err == nil {
				io.Copy(c, strings.NewReader("over the fake net"))
				c.Close()
			}
		}()
		c, err := net.Dial("tcp", l.Addr().String())
		fmt.Println(err)
		if err == nil {
			b, err := io.ReadAll(c)
			fmt.Println(string(b), err)
		}
	}
	_, err = net.FileListener(os.NewFile(9, "nine"))
	fmt.Println(err)
}
