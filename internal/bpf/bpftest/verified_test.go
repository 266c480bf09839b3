package bpftest

import (
	"maps"
	"testing"
)

func TestVerifiedTable(t *testing.T) {
	want := map[string]int{"6.1 egress": 130000, "6.18 egress": 29000, "5.10 sock_create": 59}
	text := formatVerified(want)
	if text != "5.10 sock_create 59\n6.1 egress 130000\n6.18 egress 29000\n" {
		t.Errorf("wrote %q", text)
	}
	got, err := parseVerified(text)
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("read back %v, %v", got, err)
	}
	for _, bad := range []string{"6.1 egress\n", "6.1 egress many\n", "\n"} {
		if _, err := parseVerified(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
