package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

func newReplayCommand(q *queueCommand) *cobra.Command {
	var f filterFlags
	var remove bool
	c := &cobra.Command{
		Use:   "replay [file...]",
		Short: "Post stored blocks to the running agent again",
		Long: `Post the blocks of a stopped queue (--dir, for example of another home or a
backup), or files of line protocol: dead letters (data/dead-letter/<backend>),
the local store (data/store), or the output of 'datakit tail --lines'.

Points keep their times and tags, so a backend that has some of them already
keeps one. The agent delivers them to all of its backends. A file's category
is taken from its name, "network-….lp.gz", unless --category says it. When the
agent's queue is full, replay waits.`,
		Example: "  datakit queue replay --dir /old/home/data/queue --backend central\n  datakit queue replay --remove data/dead-letter/central/*",
		RunE: func(c *cobra.Command, files []string) error {
			filter, err := f.filter(time.Now())
			switch {
			case err != nil:
				return &exitError{exitUsage, err}
			case (len(files) == 0) == (q.dir == ""):
				return &exitError{exitUsage, errors.New("want either --dir with the folder of a stopped queue, or files")}
			case len(files) > 0 && (f.backend != "" || f.before != ""):
				return &exitError{exitUsage, errors.New("--backend and --before select blocks of a queue, not of files")}
			case len(files) == 0 && remove:
				return &exitError{exitUsage, errors.New("--remove is for files; 'datakit queue purge' drops blocks of a queue")}
			}
			return q.program.withAgent(func(client *httpapi.Client) error {
				r := &replay{client: client, wait: sleep}
				err := r.run(c.Context(), q.dir, files, filter, remove)
				return errors.Join(err, q.print(r.done, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "Replayed %d points in %d posts.\n", r.done.Points, r.done.Posts)
					return err
				}))
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&remove, "remove", false, "remove a file once all of it was accepted")
	return c
}

// replay posts to a running agent.
type replay struct {
	client *httpapi.Client
	wait   func(ctx context.Context, d time.Duration) error
	done   replayed
}

// replayed is what was accepted.
type replayed struct {
	Points int64 `json:"points"`
	Posts  int64 `json:"posts"`
}

func (r *replay) run(ctx context.Context, dir string, files []string, f queue.Filter, remove bool) error {
	if dir != "" {
		return r.queue(ctx, dir, f)
	}
	for _, path := range files {
		if err := r.file(ctx, path, f.Category); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if remove {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// queue posts the blocks of a stopped queue as they are.
func (r *replay) queue(ctx context.Context, dir string, f queue.Filter) error {
	for e, err := range queue.Blocks(dir, f) {
		if err != nil {
			return err
		}
		if err := r.post(ctx, e.Category, e.Encoding, e.Points, e.Payload); err != nil {
			return fmt.Errorf("block %d of %s: %w", e.Seq, e.Category, err)
		}
	}
	return nil
}

// replayBytes is how much of a file is posted at a time.
const replayBytes = 1 << 20

// file posts a file of line protocol in pieces.
func (r *replay) file(ctx context.Context, path string, category point.Category) (err error) {
	if category == 0 {
		if category, err = categoryOf(path); err != nil {
			return err
		}
	}
	src, closeSource, err := openLines(path)
	if err != nil {
		return err
	}
	defer closeSource()
	pieces := &linePieces{src: src, category: category, size: replayBytes}
	for {
		piece, points, err := pieces.next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = r.post(ctx, category, point.Identity, points, piece)
		}
		if err != nil {
			return fmt.Errorf("after %d points: %w", r.done.Points, err)
		}
	}
}

// post delivers one body, as often as it takes while the agent says that it
// is worth another try.
func (r *replay) post(ctx context.Context, c point.Category, e point.Encoding, points int, body []byte) error {
	for {
		err := r.client.Write(ctx, c, e, body)
		var reply *httpapi.ReplyError
		if errors.As(err, &reply) && (reply.Status == http.StatusTooManyRequests || reply.Status == http.StatusServiceUnavailable) {
			seconds, err := strconv.Atoi(reply.RetryAfter)
			if err != nil {
				seconds = 1
			}
			if err := r.wait(ctx, time.Duration(seconds)*time.Second); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			r.done.Posts++
			r.done.Points += int64(points)
		}
		return err
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// categoryOf reads the category off the name of a file of a store.
func categoryOf(path string) (point.Category, error) {
	name, _, _ := strings.Cut(filepath.Base(path), "-")
	c, err := point.ParseCategory(name)
	if err != nil {
		err = errors.New("the name does not begin with a category, as \"network-….lp.gz\" does; use --category")
	}
	return c, err
}

// openLines opens a file that may be compressed, as its name says.
func openLines(path string) (io.Reader, func(), error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	done := func() { f.Close() }
	src := bufio.NewReader(f)
	switch {
	case strings.HasSuffix(path, ".gz"):
		z, err := gzip.NewReader(src)
		if err != nil {
			done()
			return nil, nil, err
		}
		return z, done, nil
	case strings.HasSuffix(path, ".zst"):
		z, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1))
		if err != nil {
			done()
			return nil, nil, err
		}
		return z, func() { z.Close(); done() }, nil
	default:
		return src, done, nil
	}
}
