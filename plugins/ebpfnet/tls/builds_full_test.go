//go:build prove

package tls

var builds = []build{
	{"as it comes", "0", nil},
	{"stripped", "0", []string{"-ldflags=-s -w"}},
	{notInlined, "0", []string{"-gcflags=crypto/tls=-l"}},
	{"without a build id", "0", []string{"-ldflags=-s -w -buildid="}},
	{"without paths", "0", []string{"-trimpath", "-ldflags=-s -w"}},
	{"position independent", "0", []string{"-buildmode=pie", "-ldflags=-s -w"}},
	{"linked with C", "1", []string{"-ldflags=-linkmode=external -s -w"}},
	{"linked with C, position independent", "1", []string{"-buildmode=pie", "-ldflags=-linkmode=external -s -w"}},
	{"linked with C, static", "1", []string{"-ldflags=-linkmode=external -s -w -extldflags=-static"}},
}
