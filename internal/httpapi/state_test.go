package httpapi

import (
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/plugins"
)

// exampleState is an agent with one of everything.
func exampleState() State {
	return State{
		About: About{Version: "1.2.3", Commit: "abc", Hostname: "h1"}, PID: 10, Home: "/opt/dk", Started: testTime,
		Inputs: []InputState{{Input: "cpu", Place: "host/cpu.conf:1", Phase: "restart", LastError: "boom", Gathers: 5, Errors: 1}},
		Children: []ChildState{{
			Name: "ebpf", Phase: "running", PID: 11, Restarts: 2, RSS: 1 << 20, CPU: 0.1,
			Plugins: []plugins.State{{Name: "ebpf-net", Phase: plugins.PhaseRunning, Hooks: []plugins.Hook{
				{Feature: "tcp state", Attach: "tp_btf/inet_sock_set_state", Rung: 2, OK: true},
			}}},
			Feed: FeedState{Captured: 30, Emitted: 30},
		}},
		Feeds: []FeedState{{Name: "inputs", Captured: 10, Emitted: 10}},
		Queue: QueueState{Bytes: 100, MaxBytes: 1000, Cursors: []CursorState{{
			Backend: "b1", Category: "network", Put: 40, Uploaded: 30, Queued: 7, Dropped: map[string]int64{"queue_full": 3}, Oldest: testTime,
		}}},
		Backends: []BackendState{{Backend: "b1", Kind: "influx2", Failures: 1, LastError: "connection refused", Traffic: []TrafficState{{
			Category: "network", Requests: 3, Retries: 1, DeadLetters: map[string]int64{"rejected": 2},
		}}}},
		Accounts: []ledger.Account{{
			Name: "points/b1", Unit: "points", In: []ledger.Entry{{Name: "captured", Count: 40}},
			Out:  []ledger.Entry{{Name: "uploaded", Count: 30}, {Name: "dropped", Reason: "queue_full", Count: 3}},
			Held: []ledger.Entry{{Name: "queued", Count: 7}},
		}},
		Errors: []LastError{{Input: "cpu", Text: "boom", Time: testTime, Count: 1}},
	}
}
