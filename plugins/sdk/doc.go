// Package sdk makes an external collector of a list of plugins.
//
//	func main() { os.Exit(sdk.Serve(sdk.Program{Name: "hello", Version: "1.0", Plugins: []plugins.Factory{…}})) }
//
// The program then does three things:
//
//   - started by the agent ([[inputs.ebpf]], or [[inputs.external]] with
//     plugin = true) it is configured by it, streams blocks to it, reports
//     the health of each plugin, and ends when the agent does;
//   - started by a person, "run" does the same on its own and posts to the
//     HTTP API of an agent;
//   - "doctor" tells what each plugin stands on, on this machine.
//
// Inside, both ways are the same:
//
//	plugins ── points ─► internal/feed ── blocks ─► plugins/rpc (agent) or HTTP (alone)
//
// One plugin that fails to load, returns an error or panics reports itself;
// the others go on.
package sdk
