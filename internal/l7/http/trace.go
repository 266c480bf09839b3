package http

// traceFields are the fields of a request that carry a trace context.
type traceFields struct {
	traceparent   []byte // W3C Trace Context, "00-<32 hex>-<16 hex>-<2 hex>"
	ddTrace, ddID []byte // x-datadog-trace-id, x-datadog-parent-id
}

// field keeps the value when name is one of them. HTTP/2 clients of some
// versions of the Datadog libraries send x-datadog-span-id as the parent.
func (t *traceFields) field(name, value []byte) {
	switch {
	case equalFold(name, "traceparent"):
		t.traceparent = trim(value)
	case equalFold(name, "x-datadog-trace-id"):
		t.ddTrace = trim(value)
	case equalFold(name, "x-datadog-parent-id"):
		t.ddID = trim(value)
	case t.ddID == nil && equalFold(name, "x-datadog-span-id"):
		t.ddID = trim(value)
	}
}

// ids returns the trace and the parent, Datadog's before W3C's; empty when
// there is no valid context.
func (t *traceFields) ids() (trace, parent []byte) {
	if id, ok := decimal64(t.ddTrace); ok && id != 0 {
		if _, ok := decimal64(t.ddID); ok {
			return t.ddTrace, t.ddID
		}
		return t.ddTrace, nil
	}
	b := t.traceparent
	if len(b) < 55 || b[2] != '-' || b[35] != '-' || b[52] != '-' {
		return nil, nil
	}
	if len(b) > 55 && (string(b[:2]) == "00" || b[55] != '-') {
		return nil, nil
	}
	version, id, span, flags := b[:2], b[3:35], b[36:52], b[53:55]
	if !hexDigits(version) || string(version) == "ff" || !hexDigits(id) || !hexDigits(span) || !hexDigits(flags) || zeros(id) || zeros(span) {
		return nil, nil
	}
	return id, span
}

// decimal64 reads an unsigned 64-bit number.
func decimal64(b []byte) (n uint64, ok bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 || n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

func hexDigits(b []byte) bool {
	for _, c := range b {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != '0' {
			return false
		}
	}
	return true
}
