// Package nic knows which network interfaces of which network namespaces are
// to be captured, and tells when that changes.
//
//	/proc/*/ns/net, mounts ──► namespaces ─┐ in scope
//	rtnetlink of each ── links, addresses ─┼─► rules ──► Watcher ── Event ──► rings
//	sock_diag of each ── listening ports ──┘     ▲           ▲
//	                                        up, include,   news of rtnetlink,
//	                                        exclude        and periodically
//
// A netlink message is only the occasion to look again: what there is comes
// from a dump, so that nothing depends on a message that was lost. The sockets
// kept open in a namespace keep it alive, but not listed: it is let go when its
// last process and mount are gone, at the next look.
package nic
