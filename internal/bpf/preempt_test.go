package bpf

import "testing"

func TestAfter618(t *testing.T) {
	for release, want := range map[string]bool{
		"5.10.0-46-cloud-amd64": false, "6.18.44": false, "6.19.0-rc1": true, "7.2.12+deb13-cloud-amd64": true, "custom": true,
	} {
		if after618(release) != want {
			t.Errorf("%s: %v", release, !want)
		}
	}
}
