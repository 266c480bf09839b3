package rpc

import (
	"context"
	"errors"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"datakit.dev/agent/internal/ledger"
	protov1 "datakit.dev/agent/plugins/proto/v1"
)

// Plugin glues a [Collector] or a [Client] to go-plugin.
type Plugin struct {
	goplugin.NetRPCUnsupportedPlugin

	Collector Collector    // of the child; nil in the host
	Book      *ledger.Book // of the child
	Window    int          // blocks the child may send ahead of their acknowledgement; 0 is DefaultWindow
}

var _ goplugin.GRPCPlugin = (*Plugin)(nil)

// GRPCServer registers the child's side.
func (p *Plugin) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	if p.Collector == nil {
		return errors.New("no collector to serve")
	}
	protov1.RegisterCollectorServer(s, &server{collector: p.Collector, book: p.Book, window: p.Window})
	return nil
}

// GRPCClient returns the host's side, a [*Client].
func (p *Plugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return &Client{service: protov1.NewCollectorClient(conn)}, nil
}

// Set is the plugin set of both sides, for go-plugin's VersionedPlugins.
func (p *Plugin) Set() map[int]goplugin.PluginSet {
	return map[int]goplugin.PluginSet{Version: {Name: p}}
}
