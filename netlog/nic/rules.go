package nic

import (
	"errors"
	"fmt"
	"path"
)

// Rules say which interfaces are captured.
type Rules struct {
	Include []string // globs of names; empty: the default
	Exclude []string // globs of names, stronger than Include
}

// Validate finds patterns that are none.
func (r Rules) Validate() error {
	var errs []error
	for _, list := range [][]string{r.Include, r.Exclude} {
		for _, pattern := range list {
			if _, err := path.Match(pattern, ""); err != nil {
				errs = append(errs, fmt.Errorf("interface pattern %q: %w", pattern, err))
			}
		}
	}
	return errors.Join(errs...)
}

// match reports whether one of the valid patterns matches.
func match(patterns []string, name string) bool {
	for _, p := range patterns {
		if ok, _ := path.Match(p, name); ok {
			return true
		}
	}
	return false
}

// why returns "" when an interface is to be captured, else the reason why
// not. seen reports whether the other end of a veth is in a namespace that is
// captured.
//
// By default a namespace of the host shows its hardware, and other namespaces
// all they have, but each packet once: of a virtual function and the synthetic
// device above it, the device. Of virtual interfaces the host shows veths that lead out of
// what is captured: all there is when the host is a container itself. The
// others pass on what is seen on hardware or in containers.
func (r Rules) why(n *NIC, seen func(*NIC) bool) string {
	switch {
	case match(r.Exclude, n.Name):
		return "excluded"
	case !n.up:
		return "down"
	case len(r.Include) > 0:
		if !match(r.Include, n.Name) {
			return "not included"
		}
		return ""
	case n.Loopback:
		return "loopback"
	case n.paired:
		return "its master shows the same"
	case !n.Space.Host || n.Kind == "":
		return ""
	case n.Kind != kindVeth:
		return "virtual: " + n.Kind
	case seen(n):
		return "virtual: its other end is captured"
	default:
		return ""
	}
}

const kindVeth = "veth"
