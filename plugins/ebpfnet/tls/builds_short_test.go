//go:build !prove

package tls

var builds = []build{
	{"stripped", "0", []string{"-ldflags=-s -w"}},
	{notInlined, "0", []string{"-gcflags=crypto/tls=-l"}},
}
