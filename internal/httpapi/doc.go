// Package httpapi is what the agent answers to over HTTP: a public listener
// for programs that write points, and a private one, on a unix socket, for
// the command line.
//
//	clients ══ POST /v1/write/:category ══► [Server] ── lines ──► Writer (internal/feed) ──► queue
//	scraper ── GET /metrics ──────────────►    │
//	                                           └ reads State, kept by the agent
//	                                           ┌
//	datakit tail, ledger, … ══ unix socket ══► [Admin] ◄── blocks ── [Tap], in front of the queue
//
// The package binds no other part of the agent: main hands it what writes
// points, what describes the state, and what reloads.
package httpapi
