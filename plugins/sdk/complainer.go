package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"datakit.dev/agent/plugins"
)

// complainer tells the agent at whose HTTP API a lone program posts what is
// wrong with its plugins: POST /v1/lasterror, where `datakit doctor` looks.
// Under an agent the states travel by RPC instead.
type complainer struct {
	url    string // of /v1/lasterror
	input  string // name of the program
	client *http.Client
	told   map[string]string // by plugin: the error the agent knows
}

// complainEvery is how often the states are looked at.
const complainEvery = 5 * time.Second

func newComplainer(base, program string) *complainer {
	return &complainer{url: base + "/v1/lasterror", input: program, client: &http.Client{Timeout: 10 * time.Second}, told: map[string]string{}}
}

// run looks at the states until ctx ends.
func (c *complainer) run(ctx context.Context, states func() []plugins.State) {
	defer c.client.CloseIdleConnections()
	tick := time.NewTicker(complainEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.tell(ctx, states())
		}
	}
}

// tell posts errors that are new. One that does not arrive is posted again at
// the next look.
func (c *complainer) tell(ctx context.Context, states []plugins.State) {
	for _, s := range states {
		if s.Error == "" {
			delete(c.told, s.Name)
			continue
		}
		if c.told[s.Name] != s.Error && c.post(ctx, s) == nil {
			c.told[s.Name] = s.Error
		}
	}
}

func (c *complainer) post(ctx context.Context, s plugins.State) error {
	body, err := json.Marshal(map[string]string{"input": c.input, "source": s.Name, "err_content": s.Error})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 4096))
	if cerr := resp.Body.Close(); err == nil {
		err = cerr
	}
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("report an error: %s", resp.Status)
	}
	return err
}
