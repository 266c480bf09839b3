package dataway

import (
	"encoding/base64"
	"net/http"
)

// credentials are the secrets as they are now.
type credentials struct{ token, username, password string }

// credentials reads the secrets. Files that cannot be read become warnings;
// the values read before stay in use.
func (h *httpPoster) credentials() (c credentials, warnings []string) {
	h.secrets.Lock()
	defer h.secrets.Unlock()
	c.username = h.target.Username
	for _, s := range []struct {
		from *secret
		to   *string
	}{{&h.token, &c.token}, {&h.password, &c.password}} {
		var err error
		if *s.to, err = s.from.value(); err != nil {
			warnings = append(warnings, err.Error())
		}
	}
	return c, warnings
}

// secrets lists what must not get out, in the forms it is sent in.
func (c credentials) secrets() []string {
	return []string{c.token, c.password, base64.StdEncoding.EncodeToString([]byte(c.username + ":" + c.password))}
}

func (c credentials) authorize(req *http.Request, kind Kind) {
	switch {
	case c.username != "":
		req.SetBasicAuth(c.username, c.password)
	case c.token != "" && kind == Influx1:
		req.Header.Set("Authorization", "Bearer "+c.token)
	case c.token != "" && kind == Influx2:
		req.Header.Set("Authorization", "Token "+c.token)
	}
}
