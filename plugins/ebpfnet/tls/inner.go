package tls

import "golang.org/x/arch/x86/x86asm"

// pairs are functions that OpenSSL has in terms of one more, static one, with
// the arguments and the result of the second: ssl_read_internal,
// ssl_write_internal. Compilers let the two begin with what is dear to probe
// and the inner one with a push. It has no symbol, but both call it.
var pairs = [...]struct {
	plain, ex string
	arguments int
	above     string // has the second do its work
}{
	{"SSL_read", "SSL_read_ex", 4, ""},
	{"SSL_write", "SSL_write_ex", 4, ""},
	{"SSL_write", "SSL_write_ex2", 5, "SSL_write_ex"}, // 3.3
}

// dive replaces pairs among the symbols of a library by what they have in
// common, where that is cheaper to probe.
func (c *machineCode) dive(symbols map[string]uint64) {
	var inner [len(pairs)]uint64
	seen := map[uint64]bool{}
	for i, p := range pairs {
		inner[i] = c.inner(symbols[p.plain], symbols[p.ex], p.arguments)
		if inner[i] != 0 && seen[inner[i]] {
			return // something that every function calls first
		}
		seen[inner[i]] = true
	}
	for i, p := range pairs {
		if inner[i] != 0 {
			symbols[p.ex] = inner[i]
			delete(symbols, p.plain)
			delete(symbols, p.above)
		}
	}
}

// inner returns the address of the function within two others; 0: there is
// none, or no use in it.
func (c *machineCode) inner(plain, ex uint64, arguments int) uint64 {
	if c.arch.handsOn == nil || plain == 0 || ex == 0 {
		return 0
	}
	_, plainCode, plainErr := c.at(plain)
	_, exCode, exErr := c.at(ex)
	if plainErr != nil || exErr != nil {
		return 0
	}
	if _, cheap := c.arch.settle(plainCode, 2); cheap {
		return 0
	}
	target, ok := c.arch.handsOn(exCode, arguments)
	if !ok {
		return 0
	}
	address := ex + uint64(target)
	_, code, err := c.at(address)
	if err != nil || !c.arch.calls(plainCode, int64(address-plain)) {
		return 0
	}
	if _, cheap := c.arch.settle(code, arguments); !cheap {
		return 0
	}
	return address
}

// handsOnX86 returns which function gets the first n arguments of the one that
// code begins with, before anything is decided, as the distance from there.
func handsOnX86(code []byte, n int) (int64, bool) {
	for at := passMark(code); at < min(reach, len(code)); {
		inst, err := x86asm.Decode(code[at:], 64)
		if err != nil {
			return 0, false
		}
		at += inst.Len
		if to, ok := calls(&inst); ok {
			return int64(at) + to, true
		}
		if !leaves(&inst, n) && !makesRoom(&inst) {
			return 0, false
		}
	}
	return 0, false
}

// callsX86 reports that code calls the function that begins at a distance.
func callsX86(code []byte, target int64) bool {
	for at := passMark(code); at < len(code); {
		inst, err := x86asm.Decode(code[at:], 64)
		if err != nil {
			return false
		}
		at += inst.Len
		if to, ok := calls(&inst); ok && int64(at)+to == target {
			return true
		}
	}
	return false
}

// calls reports that an instruction calls, or ends in, another function, and
// how far behind it that begins.
func calls(inst *x86asm.Inst) (int64, bool) {
	to, ok := inst.Args[0].(x86asm.Rel)
	return int64(to), ok && (inst.Op == x86asm.CALL || inst.Op == x86asm.JMP)
}

func makesRoom(inst *x86asm.Inst) bool {
	_, constant := inst.Args[1].(x86asm.Imm)
	return inst.Op == x86asm.PUSH || inst.Op == x86asm.SUB && inst.Args[0] == x86asm.RSP && constant
}
