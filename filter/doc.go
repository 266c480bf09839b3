// Package filter is the rule language of netlog_blacklist: its parser, its
// checked tree and the vocabularies it is applied to.
package filter
