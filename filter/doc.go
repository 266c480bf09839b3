// Package filter is the rule language of netlog_blacklist: lexer, parser,
// type checker and compiler.
//
//	text ── lex ──► tokens ── parse ──► tree ── check ──► typed tree ── expand ──► one side per key ─┐
//	                                                                                                 │
//	      ┌───────────────────────┬───────────────────────────────┬──────────────────────────────────┤
//	      ▼                       ▼                               ▼                                  ▼
//	Program.Match           Program.Headers                 Program.Expr                       Program.Explain
//	tests on the words      the tests that need headers     expr-lang/expr, the                on values by name,
//	of a Packet             only: netlog/socketfilter       reference of the tests             and why
//	                        puts them into the kernel
//
// A text holds rules separated by ";" or newlines; a packet matches when any
// rule is true of it.
//
// Rules become a decision: tests, each of which asks whether a number of the
// packet lies in a range and names the test that follows in either case. A
// match costs one load, one comparison and one jump per test, no call and no
// allocation, and the same tests are what a socket filter is made of.
//
// The grammar is that of the public eBPF collector page, and `in`. Operators
// && and || share one level of precedence and associate to the left there; a
// rule in which that differs from the usual reading is accepted with a
// [Warning]. docs/filter.md, generated from [Keys] and [Functions], is the
// reference for those who write rules.
package filter
