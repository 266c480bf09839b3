package bpf

import (
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// instances is how often a raw tracepoint program is attached. From Linux 6.1
// on such a program is skipped when it interrupts itself: an event in a
// softirq is lost while the same program runs in process context on that CPU.
// Programs nest two deep there, so of two instances one is always free; where
// a program can be preempted before it has secured the CPU (see
// plugins/bpf/preempt.h) a third one stands by. The programs have to recognise
// what several of them see.
func (o *Object) instances() int {
	if o.preempted {
		return 3
	}
	return 2
}

// Tracepoint attaches a tp_btf program, several times. Events may reach the
// program as often, and reach it at least once.
func (o *Object) Tracepoint(program string) (io.Closer, error) {
	var all Closers
	for range o.instances() {
		l, err := o.attach(program, func(p *ebpf.Program) (io.Closer, error) {
			return link.AttachTracing(link.TracingOptions{Program: p})
		})
		if err != nil {
			return nil, errors.Join(err, all.Close())
		}
		all = append(all, l)
	}
	return all, nil
}

// TracepointOnce attaches a tp_btf program of a tracepoint that only runs in
// process context, where nothing can interrupt the program with itself.
func (o *Object) TracepointOnce(program string) (io.Closer, error) {
	return o.attach(program, func(p *ebpf.Program) (io.Closer, error) {
		return link.AttachTracing(link.TracingOptions{Program: p})
	})
}

// Trampoline attaches an fentry or fexit program.
func (o *Object) Trampoline(program string) (io.Closer, error) {
	return o.attach(program, func(p *ebpf.Program) (io.Closer, error) {
		return link.AttachTracing(link.TracingOptions{Program: p})
	})
}

// Cgroup attaches a program to a cgroup v2 and all below it, beside whatever
// others have attached there.
func (o *Object) Cgroup(program, dir string, at ebpf.AttachType) (io.Closer, error) {
	return o.attach(program, func(p *ebpf.Program) (io.Closer, error) {
		return link.AttachCgroup(link.CgroupOptions{Path: dir, Attach: at, Program: p})
	})
}

func (o *Object) attach(program string, attach func(*ebpf.Program) (io.Closer, error)) (io.Closer, error) {
	p, err := o.load(program)
	if err != nil {
		return nil, err
	}
	l, err := attach(p)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("attach program %s: %w", program, err)
	}
	o.programs = append(o.programs, loaded{name: program, program: p})
	return l, nil
}

// Closers are several things that are closed together.
type Closers []io.Closer

// Close closes in reverse order.
func (c Closers) Close() error {
	var errs []error
	for i := len(c) - 1; i >= 0; i-- {
		errs = append(errs, c[i].Close())
	}
	return errors.Join(errs...)
}
