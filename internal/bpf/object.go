package bpf

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/rlimit"
)

// Options are applied to compiled objects before anything is loaded.
type Options struct {
	Constants  map[string]any    // values of `const volatile` variables, by name
	MaxEntries map[string]uint32 // sizes of maps, by name; 0 keeps the compiled one
	Scope      Scope             // what the programs may look at
}

// Object is one or more compiled objects that share their maps by name. Its
// programs are loaded one by one, on demand. It is not safe for concurrent
// use, except for Stats.
type Object struct {
	specs []*ebpf.CollectionSpec
	maps  map[string]*ebpf.Map
	types *btf.Cache // the kernel's types, until Loaded

	preempted bool // see tracepointsArePreempted
	programs  []loaded
}

// Specs are the objects of the functions that bpf2go generates.
func Specs(load ...func() (*ebpf.CollectionSpec, error)) ([]*ebpf.CollectionSpec, error) {
	specs := make([]*ebpf.CollectionSpec, len(load))
	for i, l := range load {
		var err error
		if specs[i], err = l(); err != nil {
			return nil, fmt.Errorf("read kernel object: %w", err)
		}
	}
	return specs, nil
}

// Open creates the maps of the objects and fills the scope. The specs belong
// to the Object from now on. Close it.
func Open(opts Options, specs ...*ebpf.CollectionSpec) (*Object, error) {
	// Before 5.11 the memory of maps counts against a limit of 64 KiB. This is
	// also the first call that a process without the right to use eBPF fails in.
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, fmt.Errorf("create maps: %w: CAP_BPF is missing, or before Linux 5.11 CAP_SYS_RESOURCE: %w", ErrNotSupported, err)
	}
	opts.Constants = maps.Clone(opts.Constants)
	if opts.Constants == nil {
		opts.Constants = map[string]any{}
	}
	opts.Scope.constants(opts.Constants)
	preempted, err := tracepointsArePreempted()
	if err != nil {
		return nil, err
	}
	opts.Constants[constPreempted] = preempted

	o := &Object{preempted: preempted, specs: specs, maps: map[string]*ebpf.Map{}, types: btf.NewCache()}
	for _, spec := range specs {
		if err := o.prepare(spec, opts); err != nil {
			o.Close()
			return nil, err
		}
	}
	if err := opts.Scope.fill(o); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

func (o *Object) prepare(spec *ebpf.CollectionSpec, opts Options) error {
	for name, value := range opts.Constants {
		v, ok := spec.Variables[name]
		if !ok {
			continue // of another object
		}
		if err := v.Set(value); err != nil {
			return fmt.Errorf("set constant %s: %w", name, err)
		}
	}
	for name, m := range spec.Maps {
		if n := opts.MaxEntries[name]; n > 0 {
			m.MaxEntries = n
		}
		if n := opts.Scope.entries(name); n > 0 {
			m.MaxEntries = n
		}
		if o.maps[name] != nil || private(name) {
			continue
		}
		created, err := ebpf.NewMap(m)
		if err != nil {
			return fmt.Errorf("create map %s: %w", name, err)
		}
		o.maps[name] = created
	}
	return nil
}

// private maps hold the constants of one object: .rodata.
func private(name string) bool { return strings.HasPrefix(name, ".") }

// Map returns a map; nil when no object has it.
func (o *Object) Map(name string) *ebpf.Map { return o.maps[name] }

// load loads a fresh instance of a program.
func (o *Object) load(name string) (*ebpf.Program, error) { return o.loadAs(name, ebpf.AttachNone) }

// loadAs loads it for another way of attaching than its section says.
func (o *Object) loadAs(name string, at ebpf.AttachType) (*ebpf.Program, error) {
	spec := o.find(name)
	if spec == nil {
		return nil, fmt.Errorf("load program %s: no such program", name)
	}
	shared := map[string]*ebpf.Map{}
	for n := range spec.Maps {
		if !private(n) {
			shared[n] = o.maps[n]
		}
	}
	program := spec.Programs[name].Copy()
	if at != ebpf.AttachNone {
		program.AttachType = at
	}
	one := &ebpf.CollectionSpec{
		Maps:      spec.Maps,
		Programs:  map[string]*ebpf.ProgramSpec{name: program},
		Variables: spec.Variables,
		Types:     spec.Types,
		ByteOrder: spec.ByteOrder,
	}
	collection, err := ebpf.NewCollectionWithOptions(one, ebpf.CollectionOptions{
		MapReplacements: shared,
		Cache:           o.types,
	})
	if err != nil {
		return nil, loadError(name, err)
	}
	defer collection.Close()
	return collection.DetachProgram(name), nil
}

func (o *Object) find(program string) *ebpf.CollectionSpec {
	for _, spec := range o.specs {
		if spec.Programs[program] != nil {
			return spec
		}
	}
	return nil
}

// Loaded says that no further program will be loaded, and gives back the
// memory that only loading needs: the kernel's types and the objects.
func (o *Object) Loaded() { o.specs, o.types = nil, nil }

// Close unloads the programs and frees the maps. It is idempotent. What is
// attached stays so until its own Close; close that first.
func (o *Object) Close() error {
	var errs []error
	for _, p := range o.programs {
		errs = append(errs, p.program.Close())
	}
	for _, m := range o.maps {
		errs = append(errs, m.Close())
	}
	o.maps = map[string]*ebpf.Map{}
	return errors.Join(errs...)
}
