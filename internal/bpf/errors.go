package bpf

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/cilium/ebpf"
)

// ErrNotSupported is wrapped by errors that say what this kernel, or this
// machine's policy, does not allow. It is not worth a retry.
var ErrNotSupported = errors.New("not supported")

// Unsupported says which feature is missing.
type Unsupported struct {
	Feature string // "tp_btf/inet_sock_set_state"
	Since   string // the first kernel that has it, "5.5"
	Err     error  // what the kernel answered
}

func (u *Unsupported) Error() string {
	return fmt.Sprintf("%s (from Linux %s): %v", u.Feature, u.Since, u.Err)
}

// Unwrap makes both ErrNotSupported and the kernel's answer visible.
func (u *Unsupported) Unwrap() []error { return []error{ErrNotSupported, u.Err} }

// loadError explains why a program was refused. EPERM with an empty verifier
// log is policy (lockdown, a missing capability); the library suspects
// RLIMIT_MEMLOCK then, which was lifted before.
func loadError(name string, err error) error {
	var rejected *ebpf.VerifierError
	switch {
	case errors.Is(err, os.ErrPermission) && !(errors.As(err, &rejected) && len(rejected.Log) > 0):
		return fmt.Errorf("load program %s: refused by the kernel: %w", name, syscall.EPERM)
	default:
		return fmt.Errorf("load program %s: %w", name, err)
	}
}
