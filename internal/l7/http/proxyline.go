package http

import (
	"bytes"
	"encoding/binary"
)

// The header that load balancers put before the first bytes of a connection
// (HAProxy's proxy-protocol.txt, versions 1 and 2).
const (
	proxyV1    = "PROXY "
	proxyV1Max = 107
	proxyV2    = "\r\n\r\n\x00\r\nQUIT\n"
	proxyV2Min = len(proxyV2) + 4 // version, family, length of the rest
)

// proxyHeader returns the length of such a header at the beginning of b, 0 when
// there is none or it is not all there. Balancers send it in one piece.
func proxyHeader(b []byte) int {
	if bytes.HasPrefix(b, []byte(proxyV1)) {
		return bytes.IndexByte(b[:min(len(b), proxyV1Max)], '\n') + 1
	}
	if len(b) < proxyV2Min || string(b[:len(proxyV2)]) != proxyV2 || b[len(proxyV2)]>>4 != 2 {
		return 0
	}
	n := proxyV2Min + int(binary.BigEndian.Uint16(b[proxyV2Min-2:]))
	if n > len(b) {
		return 0
	}
	return n
}
