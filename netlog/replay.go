package netlog

import (
	"context"
	"io"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/capture"
	"datakit.dev/agent/netlog/pcap"
)

// Replay makes of a capture file what the plugin makes of live traffic. The
// same file always gives the same points in the same order; nothing is
// dropped for being too much. It returns where everything went.
//
// A packet's direction is what the file says, else what the addresses of
// cfg.On say; when neither does, the client is taken for the local end.
func Replay(ctx context.Context, file io.Reader, cfg PassConfig, out point.Sink) ([]ledger.Account, error) {
	reader, err := pcap.NewReader(file)
	if err != nil {
		return nil, err
	}
	r, err := newPass(cfg, capture.NewFile(reader), reader.Interfaces, out)
	if err != nil {
		return nil, err
	}
	r.taps.seed = [3]uint64{}
	r.taps.allow = func(int64) bool { return true }
	return r.run(ctx, nil)
}
