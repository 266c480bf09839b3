package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
	"datakit.dev/agent/internal/upload"
)

// localStore is the backend that stands in when none is configured.
const localStore = "local-store"

// backendsOf lists the backends of the configuration, or the local store.
func backendsOf(l layout, m *config.Main) []config.Backend {
	if all := m.AllBackends(); len(all) > 0 {
		return all
	}
	return []config.Backend{{Name: localStore, Kind: config.KindFile, URL: l.store()}}
}

func backendNames(all []config.Backend) (names []string) {
	for _, b := range all {
		names = append(names, b.Name)
	}
	return names
}

// target translates a backend of the configuration.
func target(l layout, b config.Backend, userAgent string) dataway.Target {
	t := dataway.Target{
		Name: b.Name, Kind: dataway.Kind(b.Kind), URL: b.URL,
		Token: b.Token, TokenFile: b.TokenFile, Username: b.Username, Password: b.Password, PasswordFile: b.PassFile,
		DB: b.DB, RP: b.RP, Headers: b.Headers, Org: b.Org, Bucket: b.Bucket, Proxy: b.Proxy, Timeout: b.Timeout, Agent: userAgent,
		TLS: dataway.TLS{
			CAFile: b.TLS.CA, CertFile: b.TLS.Cert, KeyFile: b.TLS.Key,
			ServerName: b.TLS.ServerName, Insecure: b.TLS.Insecure,
		},
		MaxBytes: int64(b.MaxSize),
	}
	if b.Kind == config.KindFile {
		t.URL, t.Dir = "", l.path(b.URL)
	}
	return t
}

// uploads runs one uploader per backend.
type uploads struct {
	layout    layout
	queue     *queue.Queue
	userAgent string
	log       *slog.Logger

	mu      sync.Mutex
	running []*delivery // in the order of the configuration
}

// delivery is one backend that is being delivered to.
type delivery struct {
	config.Backend
	client   *dataway.Client
	dead     *dataway.Store
	uploader *upload.Uploader
	stop     context.CancelFunc
	done     chan struct{}
}

// apply makes want the backends. Those that did not change go on undisturbed.
// All are built before any is touched, so that an error changes nothing.
func (u *uploads) apply(want []config.Backend) (changed bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var next, fresh []*delivery
	for _, b := range want {
		if i := slices.IndexFunc(u.running, func(d *delivery) bool { return reflect.DeepEqual(d.Backend, b) }); i >= 0 {
			next = append(next, u.running[i])
			continue
		}
		d, err := u.build(b)
		if err != nil {
			for _, f := range fresh {
				err = errors.Join(err, f.close())
			}
			return false, err
		}
		next, fresh = append(next, d), append(fresh, d)
	}
	for _, d := range u.running {
		if !slices.Contains(next, d) {
			changed = true
			d.stop()
			<-d.done
			err = errors.Join(err, d.close())
		}
	}
	u.running = next
	err = errors.Join(err, u.queue.SetBackends(backendNames(want)))
	for _, d := range fresh {
		u.start(d)
	}
	return changed || len(fresh) > 0, err
}

func (u *uploads) build(b config.Backend) (*delivery, error) {
	client, err := dataway.New(target(u.layout, b, u.userAgent))
	if err != nil {
		return nil, err
	}
	dead, err := dataway.NewStore(dataway.StoreConfig{Dir: u.layout.deadLetters() + "/" + b.Name})
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	d := &delivery{Backend: b, client: client, dead: dead, done: make(chan struct{})}
	d.uploader = upload.New(upload.Config{
		Backend: b.Name, Post: client, Categories: d.wanted(), DeadLetters: dead, Log: u.log,
		Cursor: func(c point.Category) upload.Cursor { return u.queue.Cursor(b.Name, c) },
	})
	return d, nil
}

// wanted lists the categories the backend takes.
func (d *delivery) wanted() (all []point.Category) {
	for _, c := range point.Categories() {
		if len(d.Categories) == 0 || slices.Contains(d.Categories, c.String()) {
			all = append(all, c)
		}
	}
	return all
}

// start delivers until the delivery is stopped. What the backend does not
// take is dropped from its part of the queue, as filtered.
func (u *uploads) start(d *delivery) {
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	go func() {
		defer close(d.done)
		var all sync.WaitGroup
		all.Go(func() { d.uploader.Run(ctx) })
		for _, c := range point.Categories() {
			if !slices.Contains(d.wanted(), c) {
				all.Go(func() { discard(ctx, u.queue.Cursor(d.Name, c)) })
			}
		}
		all.Wait()
	}()
}

// notSelected is why a backend does not get the categories it does not take.
const notSelected = "not_selected"

func discard(ctx context.Context, cursor *queue.Cursor) {
	for {
		entries, err := cursor.Next(ctx, upload.DefaultMaxBody)
		if err != nil {
			return
		}
		cursor.Reject(len(entries), notSelected)
	}
}

func (d *delivery) close() error { return errors.Join(d.client.Close(), d.dead.Close()) }

// list returns the deliveries that run.
func (u *uploads) list() []*delivery {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.running)
}

// Close stops all. The error names those that did not stop before ctx ended.
func (u *uploads) Close(ctx context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, d := range u.running {
		d.stop()
	}
	var errs []error
	for _, d := range u.running {
		select {
		case <-d.done:
			errs = append(errs, d.close())
		case <-ctx.Done():
			errs = append(errs, fmt.Errorf("backend %s did not stop in time", d.Name))
		}
	}
	u.running = nil
	return errors.Join(errs...)
}
