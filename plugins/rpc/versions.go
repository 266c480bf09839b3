package rpc

import goplugin "github.com/hashicorp/go-plugin"

// Version is the protocol version both sides must share. Adding fields does
// not change it.
const Version = 1

// Name is what the host asks a child to dispense.
const Name = "collector"

// Handshake keeps a person from starting a child by hand and waiting for
// something to happen. It protects nothing; AutoMTLS does.
func Handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{
		ProtocolVersion:  Version,
		MagicCookieKey:   CookieKey,
		MagicCookieValue: cookieValue,
	}
}

// CookieKey is the environment variable that tells a child it was started by
// a host.
const (
	CookieKey   = "DATAKIT_EXTERNAL_COOKIE"
	cookieValue = "c2f4e9b1a6d84f0b9c5e7a3d1b8f6042"
)

// HostKey is the environment variable with the host's pid as the child sees
// it. A child whose parent is another process was orphaned before it could ask
// the kernel to be killed with its host (PR_SET_PDEATHSIG, prctl(2)).
const HostKey = "DATAKIT_EXTERNAL_HOST"

// Exit codes of a child, beside 0 for a stop that was asked for.
const (
	ExitFailure = 1  // anything else: the host starts the child again
	ExitConfig  = 78 // EX_CONFIG of sysexits.h: flags or configuration are wrong; starting again is of no use
	ExitLimit   = 75 // EX_TEMPFAIL of sysexits.h: a resource limit was exceeded; the host waits for the cool-down
)

// maxMessage bounds one message: a string field of a point may have 32 MiB
// (more than any block that holds something else), and a frame its counters.
const maxMessage = 64 << 20
