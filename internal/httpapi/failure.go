package httpapi

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// failure is a refusal of a request: the body is
// {"error_code":"datakit.<code>","message":"…"}.
type failure struct {
	status  int
	code    string        // camel case, without the name space
	message string        // for the client
	after   time.Duration // Retry-After; 0 for none
}

func (f *failure) Error() string { return fmt.Sprintf("%s: %s", f.code, f.message) }

func fail(status int, code, format string, args ...any) *failure {
	return &failure{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// retryAfter is fail for trouble that passes. HTTP knows whole seconds, at
// least one is asked for.
func retryAfter(after time.Duration, status int, code, format string, args ...any) *failure {
	f := fail(status, code, format, args...)
	f.after = max(after, time.Second)
	return f
}

// errorBody is the JSON of a failure.
type errorBody struct {
	Code    string `json:"error_code"`
	Message string `json:"message,omitempty"`
}

// write answers with the failure.
func (f *failure) write(w http.ResponseWriter) {
	if f.after > 0 {
		seconds := int(math.Ceil(f.after.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	writeJSON(w, f.status, errorBody{Code: "datakit." + f.code, Message: f.message})
}

// content is the body of an answer of most routes.
type content struct {
	Content any `json:"content"`
}

// writeJSON answers with v. An error of the connection has no one to go to.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // v is one of our own types: only a NaN could bring us here
		status, body = http.StatusInternalServerError, []byte(`{"error_code":"datakit.internal"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}
