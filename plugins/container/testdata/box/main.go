// Command box is the only program of the test image: it plays what it is told.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	arg := func(i int) int { n, _ := strconv.Atoi(os.Args[i]); return n }
	switch os.Args[1] {
	case "burn": // mebibytes: hold memory and keep a core busy
		held := make([]byte, arg(2)<<20)
		for i := range held {
			held[i] = 1
		}
		for i := 0; ; i++ {
			held[i%len(held)]++
		}
	case "eat": // until killed
		eat()
	case "hunger": // milliseconds, then eat
		time.Sleep(time.Duration(arg(2)) * time.Millisecond)
		eat()
	case "crash":
		time.Sleep(time.Duration(arg(2)) * time.Millisecond)
		fmt.Println("last words")
		panic("crash")
	case "sleep":
		time.Sleep(time.Hour)
	case "long": // lines, bytes, milliseconds between two
		for i := range arg(2) {
			fmt.Printf("line %d %s\n", i, strings.Repeat("x", arg(3)))
			time.Sleep(time.Duration(arg(4)) * time.Millisecond)
		}
		time.Sleep(time.Hour)
	case "count": // lines, microseconds between two in the mean
		began := time.Now()
		for i := range arg(2) {
			fmt.Printf("line %d\n", i)
			if ahead := time.Duration(i*arg(3))*time.Microsecond - time.Since(began); ahead > time.Millisecond {
				time.Sleep(ahead)
			}
		}
		time.Sleep(time.Hour)
	}
}

func eat() {
	var all [][]byte
	for {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = 1
		}
		all = append(all, b)
	}
}
