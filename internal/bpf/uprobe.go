package bpf

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
)

// Probe is an instruction of a program or library at which a kernel program
// runs, whichever process comes by.
type Probe struct {
	Program string
	Offset  uint64 // of the instruction, in the file
	Return  bool   // run when the function that begins there returns
}

// Uprobes are programs that can be attached to files, as often as there are
// files. Attach is safe for concurrent use.
type Uprobes struct {
	multi    bool
	programs map[string]*ebpf.Program
}

// Uprobes loads programs to be attached to files. From Linux 6.6 on one link
// carries all places of a program in a file, which also is detached a hundred
// times faster than one link for each.
func (o *Object) Uprobes(programs ...string) (*Uprobes, error) {
	u := &Uprobes{multi: features.HaveBPFLinkUprobeMulti() == nil, programs: map[string]*ebpf.Program{}}
	at := ebpf.AttachNone
	if u.multi {
		at = ebpf.AttachTraceUprobeMulti
	}
	for _, name := range programs {
		p, err := o.loadAs(name, at)
		if err != nil {
			return nil, err
		}
		u.programs[name] = p
		o.programs = append(o.programs, loaded{name: name, program: p})
	}
	return u, nil
}

// Kind names how the kernel attaches them: "uprobe.multi" or "uprobe".
func (u *Uprobes) Kind() string {
	if u.multi {
		return "uprobe.multi"
	}
	return "uprobe"
}

// Attach attaches to all places in a file, or to none. The file is found by
// its path now and by its inode from then on.
func (u *Uprobes) Attach(path string, probes []Probe) (io.Closer, error) {
	file, err := link.OpenExecutable(path)
	if err != nil {
		return nil, fmt.Errorf("attach to %s: %w", path, err)
	}
	attach := u.each
	if u.multi {
		attach = u.together
	}
	links, err := attach(file, probes)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("attach to %s: %w", path, err), links.Close())
	}
	return links, nil
}

func (u *Uprobes) each(file *link.Executable, probes []Probe) (links uprobeLinks, err error) {
	for _, p := range probes {
		attach := file.Uprobe
		if p.Return {
			attach = file.Uretprobe
		}
		l, err := attach("", u.programs[p.Program], &link.UprobeOptions{Address: p.Offset})
		if err != nil {
			return links, fmt.Errorf("program %s at %#x: %w", p.Program, p.Offset, err)
		}
		links = append(links, l)
	}
	return links, nil
}

func (u *Uprobes) together(file *link.Executable, probes []Probe) (links uprobeLinks, err error) {
	type group struct {
		program string
		returns bool
	}
	var order []group
	places := map[group][]uint64{}
	for _, p := range probes {
		g := group{p.Program, p.Return}
		if places[g] == nil {
			order = append(order, g)
		}
		places[g] = append(places[g], p.Offset)
	}
	for _, g := range order {
		attach := file.UprobeMulti
		if g.returns {
			attach = file.UretprobeMulti
		}
		l, err := attach(nil, u.programs[g.program], &link.UprobeMultiOptions{Addresses: places[g]})
		if err != nil {
			return links, fmt.Errorf("program %s at %d places: %w", g.program, len(places[g]), err)
		}
		links = append(links, l)
	}
	return links, nil
}

// uprobeLinks are detached at the same time: each waits for all CPUs to pass
// by, 40 to 130 ms.
type uprobeLinks []link.Link

func (l uprobeLinks) Close() error {
	errs := make([]error, len(l))
	var all sync.WaitGroup
	for i := range l {
		all.Go(func() { errs[i] = l[i].Close() })
	}
	all.Wait()
	return errors.Join(errs...)
}
