package dataway

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"datakit.dev/agent/internal/point"
)

func TestRedactor(t *testing.T) {
	r := newRedactor("tkn/secret", "", "abc")
	tests := []struct{ name, text, want string }{
		{"plain", "token tkn/secret is wrong", "token [redacted] is wrong"},
		{"escaped as in a query", "?token=tkn%2Fsecret&x", "?token=[redacted]&x"},
		{"too short to be one", "abc", "abc"},
		{"none", "harmless", "harmless"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := r.text(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			err := r.error(errors.Join(io.EOF, errors.New(tt.text)))
			if err.Error() != "EOF\n"+tt.want || !errors.Is(err, io.EOF) {
				t.Errorf("error is %q and wraps EOF: %v", err, errors.Is(err, io.EOF))
			}
		})
	}
}

// A backend that repeats all it was sent does not bring a secret into a log.
func TestSecretsStayInside(t *testing.T) {
	echo := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, strings.Join([]string{"no way", r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("X-Api-Key"), user, password}, " "))
	})
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("hush-hush-4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dead := "http://127.0.0.1:1"
	tests := []struct {
		name   string
		target Target
	}{
		{"token in the URL", Target{Kind: Dataway, URL: echo.URL + "?token=hush-hush-1"}},
		{"token", Target{Kind: Dataway, URL: echo.URL, Token: "hush-hush-2"}},
		{"token in a header", Target{Kind: Influx2, Org: "o", Bucket: "b", URL: echo.URL, Token: "hush-hush-3"}},
		{"token file", Target{Kind: Influx1, URL: echo.URL, TokenFile: file}},
		{"password", Target{Kind: Influx1, URL: echo.URL, Username: "me", Password: "hush-hush-5"}},
		{"password in the URL", Target{Kind: Influx1, URL: strings.Replace(echo.URL, "//", "//me:hush-hush-6@", 1)}},
		{"header", Target{Kind: Influx1, URL: echo.URL, Headers: map[string]string{"X-Api-Key": "hush-hush-0"}}},
		{"unreachable", Target{Kind: Dataway, URL: dead + "?token=hush-hush-7"}},
		{"unreachable proxy", Target{Kind: Dataway, URL: "http://backend.example?token=hush-hush-8", Proxy: "http://me:hush-hush-9@127.0.0.1:1"}},
		{"unreachable SOCKS proxy", Target{Kind: Dataway, URL: "http://backend.example", Proxy: "socks5://me:hush-hush-9@127.0.0.1:1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reply, err := client(t, tt.target).Post(t.Context(), point.Metric, point.Identity, 1, [][]byte{[]byte("m f=1 1\n")})
			if err == nil {
				t.Fatal("accepted")
			}
			for _, secret := range []string{"hush", "bWU6aHVzaC1odXNo"} { // as is, and as basic authentication has it
				if strings.Contains(err.Error(), secret) || strings.Contains(reply.Sample, secret) {
					t.Errorf("a secret gets out:\n%v\n%s", err, reply.Sample)
				}
			}
			if reply.Status != 0 && !strings.Contains(reply.Sample, "no way") {
				t.Errorf("the sample is lost: %q", reply.Sample)
			}
		})
	}
}

// A secret that lies across the end of the sample does not get out by half.
func TestSampleIsCutBehindSecrets(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, strings.Repeat(".", maxSample-4)+r.URL.Query().Get("token"))
	})
	reply, err := postOne(t, client(t, Target{Kind: Dataway, URL: s.URL, Token: "hush-hush"}))
	if strings.Contains(reply.Sample, "hush") || strings.Contains(err.Error(), "hush") || len(reply.Sample) != maxSample {
		t.Errorf("%d bytes: %v", len(reply.Sample), err)
	}
}

func TestTokenFileIsReadAgain(t *testing.T) {
	var got string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { got = r.URL.Query().Get("token") })
	file := filepath.Join(t.TempDir(), "token")
	c := client(t, Target{Kind: Dataway, URL: s.URL, TokenFile: file})
	post := func() Reply {
		t.Helper()
		reply, err := c.Post(t.Context(), point.Metric, point.Identity, 1, [][]byte{[]byte("m f=1 1\n")})
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	steps := []struct {
		name, content, want string
		warns               bool
	}{
		{"absent", "", "", true},
		{"written", "tkn_1\n", "tkn_1", false},
		{"unchanged", "", "tkn_1", false},
		{"rotated", "tkn_number_2\n", "tkn_number_2", false},
		{"removed", "-", "tkn_number_2", true},
		{"back", " tkn_3", "tkn_3", false},
	}
	for _, step := range steps {
		switch step.content {
		case "":
		case "-":
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		default:
			if err := os.WriteFile(file, []byte(step.content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if reply := post(); got != step.want || (reply.Warning != "") != step.warns {
			t.Errorf("%s: token %q, want %q; warning %q", step.name, got, step.want, reply.Warning)
		}
	}
}
