package httpapi

import (
	"encoding/json"
	"net/http"
	"time"
)

// maxErrorBody bounds what is read of a post to /v1/lasterror.
const maxErrorBody = 64 << 10

// ping is GET /v1/ping.
func (a *API) ping(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, content{struct {
		Version  string `json:"version"`
		Uptime   string `json:"uptime"`
		Hostname string `json:"host"`
		Commit   string `json:"commit"`
	}{a.about.Version, a.now().Sub(a.started).Round(time.Millisecond).String(), a.about.Hostname, a.about.Commit}})
	return nil
}

// ntp is GET /v1/ntp.
func (a *API) ntp(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]int64{"timestamp_sec": a.now().Unix()})
	return nil
}

// lastError is POST /v1/lasterror. DataKit answers 500 to a report that lacks
// something; it is the client's mistake, hence 400.
func (a *API) lastError(w http.ResponseWriter, r *http.Request) error {
	var e LastError
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxErrorBody)).Decode(&e); err != nil {
		return readFailure(r.Context(), err)
	}
	if e.Input == "" || e.Text == "" {
		return fail(http.StatusBadRequest, "invalidLastError", "input and err_content are required")
	}
	a.errors.Report(e.Input, e.Source, e.Text)
	w.WriteHeader(http.StatusOK)
	return nil
}

const page404 = `<!DOCTYPE html><title>404</title><h1>404 Not Found</h1><p>This is DataKit. Programs post to /v1/write/:category.</p>`

func (a *API) notFound(w http.ResponseWriter, _ *http.Request) error {
	if !a.page404 {
		return fail(http.StatusNotFound, "notFound", "no such path")
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	w.Write([]byte(page404))
	return nil
}
