// Package supervisor runs external programs: collectors that speak the
// protocol of plugins/rpc, and any other program.
//
//	Run ─► session ─► process (own group, dies with us) ─┬─ stderr, stdout ─► relay ─► slog
//	 ▲        │                                          └─ Collect ─► point.BlockSink, Tally
//	 │        └─ ends: asked for, crash, limit, wrong configuration
//	 └── growing, jittered delay ◄── keyevent point, last error
//
// A child is waited for, so its death is seen at once and leaves no zombie;
// its process group is killed before it is reaped, so nothing it started
// survives. Wrong configuration is not tried again. A child that exceeds a
// limit comes back after a longer delay, or not at all.
//
// Where children connect (Config.RunDir) lie only sockets of children that
// run: what an earlier agent left there is removed at start.
package supervisor
