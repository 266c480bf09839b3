// Package filter is the rule language of netlog_blacklist: lexer, parser,
// type checker and compiler.
//
//	text ── lex ──► tokens ── parse ──► tree ── check ──► typed tree ─┬─ Compile ──► closures over *E
//	                                                                 └─ Expr ─────► expr-lang/expr program
//
// A text holds rules separated by ";" or newlines; a value matches when any
// rule is true. The closures evaluate packets without allocating; the expr
// program is the reference in differential tests and serves open
// vocabularies.
//
// The grammar is that of the public eBPF collector page. Operators && and ||
// share one level of precedence and associate to the left there; a rule in
// which that differs from the usual reading is accepted with a [Warning].
package filter
