// Package listen opens TCP listeners at addresses as users write them.
package listen

import (
	"context"
	"net"
	"strings"
)

// TCP listens at host:port. The name localhost is loopback without asking
// anybody (RFC 6761 section 6.3): a container may have neither /etc/hosts nor
// DNS. Close the listener.
func TCP(ctx context.Context, address string) (net.Listener, error) {
	if port, ok := strings.CutPrefix(address, "localhost:"); ok {
		address = "127.0.0.1:" + port
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}
