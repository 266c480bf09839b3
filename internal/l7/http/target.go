package http

import "bytes"

// splitTarget takes a request target apart (RFC 9112 §3.2): origin-form,
// absolute-form, authority-form of CONNECT, asterisk-form. cut says that the
// target goes on beyond the capture; the result says whether the path does.
func splitTarget(target []byte, connect, cut bool) (path, host []byte, pathCut bool) {
	if connect {
		return nil, target, false
	}
	if target[0] != '/' {
		if i := schemeEnd(target); i > 0 {
			rest := target[i:]
			end := bytes.IndexAny(rest, "/?#")
			if end < 0 {
				if cut {
					return nil, nil, true
				}
				end = len(rest)
			}
			host, target = rest[:end], rest[end:]
			if i := bytes.LastIndexByte(host, '@'); i >= 0 {
				host = host[i+1:] // never hand out credentials
			}
			if len(target) == 0 || target[0] != '/' {
				return []byte("/"), host, false
			}
		}
	}
	for i, c := range target {
		if c == '?' || c == '#' {
			return target[:i], host, false
		}
	}
	return target, host, cut
}

// schemeEnd returns where the authority of an absolute URI begins, 0 when
// there is no scheme.
func schemeEnd(target []byte) int {
	for i, c := range target {
		if c == ':' {
			if i > 0 && len(target) >= i+3 && target[i+1] == '/' && target[i+2] == '/' {
				return i + 3
			}
			return 0
		}
		if !(c|0x20 >= 'a' && c|0x20 <= 'z') && (i == 0 || !(c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return 0
		}
	}
	return 0
}
