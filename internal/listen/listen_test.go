package listen

import (
	"net"
	"testing"
)

func TestTCP(t *testing.T) {
	for address, want := range map[string]string{"localhost:0": "127.0.0.1", "127.0.0.1:0": "127.0.0.1", ":0": "::"} {
		l, err := TCP(t.Context(), address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got := host(l.Addr().String()); got != want && !(want == "::" && got == "0.0.0.0") {
			t.Errorf("%s listens at %s, want %s", address, got, want)
		}
		l.Close()
	}
	if _, err := TCP(t.Context(), "localhost:http:2"); err == nil {
		t.Error("an address that is none was accepted")
	}
}

func host(address string) string {
	h, _, _ := net.SplitHostPort(address)
	return h
}
