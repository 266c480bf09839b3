// The program goprogram serves and asks over TLS, on orders from its standard
// input: it is built in several ways to be observed.
package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		answer, err := obey(strings.Fields(lines.Text()))
		if err != nil {
			fmt.Println("error", err)
		} else {
			fmt.Println("ok", answer)
		}
	}
}

func obey(o []string) (string, error) {
	switch o[0] {
	case "serve": // address, certificate, key
		l, err := net.Listen("tcp", o[1])
		if err != nil {
			return "", err
		}
		go http.ServeTLS(l, http.HandlerFunc(answer), o[2], o[3])
		return l.Addr().String(), nil
	case "get": // url, count
		n, _ := strconv.Atoi(o[2])
		return "", get(o[1], n)
	}
	return "", fmt.Errorf("unknown order %q", o)
}

func answer(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") }

func get(url string, n int) error {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for i := range n {
		r, err := client.Get(url + strconv.Itoa(i%5))
		if err != nil {
			return err
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	return nil
}
