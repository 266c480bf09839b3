package packet

// Error says why a frame was not decoded. It is what [Decoder.Decode]
// returns, so that callers can count by reason.
type Error uint8

// Reasons.
const (
	Truncated   Error = iota + 1 // the capture ends within a header
	NotIP                        // neither IPv4 nor IPv6: ARP, LLDP, spanning tree …
	Malformed                    // headers contradict themselves
	TooDeep                      // more VLAN tags or extension headers than any network uses
	UnknownLink                  // link type that is not decoded

	Reasons = iota + 1 // one more than the last: size of an array indexed by Error
)

// String is the reason in one word, as counters name it.
func (e Error) String() string {
	switch e {
	case Truncated:
		return "truncated"
	case NotIP:
		return "not_ip"
	case Malformed:
		return "malformed"
	case TooDeep:
		return "too_deep"
	case UnknownLink:
		return "unknown_link"
	default:
		return "decoded"
	}
}

// Error implements error.
func (e Error) Error() string { return "decode packet: " + e.String() }

// short is the error for a layer of n bytes on the wire whose header of size
// bytes is not there: cut by the capture, or never sent.
func short(n, size int) Error {
	if n < size {
		return Malformed
	}
	return Truncated
}
