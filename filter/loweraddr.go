package filter

import (
	"encoding/binary"
	"math"
	"net/netip"
)

// absent adds a test whether the packet has no address of the key.
func (l *lowering) absent(k *addrKey, yes, no Target) Target {
	switch {
	case k.v4 && k.v6:
		return l.between(Family, 0, 0, yes, no)
	case k.v4:
		return l.between(Family, 4, 4, no, yes)
	default:
		return l.between(Family, 6, 6, no, yes)
	}
}

// addrIs adds the comparison of an address with what is written.
func (l *lowering) addrIs(k *addrKey, text string, yes, no Target) Target {
	a, ok := k.parse(text)
	switch {
	case !ok:
		return no
	case !a.IsValid():
		return l.absent(k, yes, no)
	default:
		return l.inNetwork(k, netip.PrefixFrom(a, a.BitLen()), yes, no)
	}
}

// inNetwork adds a test whether the address lies in a network.
func (l *lowering) inNetwork(k *addrKey, network netip.Prefix, yes, no Target) Target {
	v4, hi, lo := k.side.addrFields()
	if network.Addr().Is4() {
		if !k.v4 {
			return no
		}
		s := span4(network)
		return l.between(v4, s.lo, s.hi, yes, no)
	}
	if !k.v6 {
		return no
	}
	firstHi, firstLo := halves(network.Masked().Addr())
	inside := yes
	if bits := network.Bits(); bits > 64 {
		inside = l.between(lo, firstLo, firstLo|(math.MaxUint64>>(bits-64)), inside, no)
	} else if bits < 64 {
		inside = l.between(hi, firstHi, firstHi|(math.MaxUint64>>bits), inside, no)
	}
	if network.Bits() >= 64 {
		inside = l.between(hi, firstHi, firstHi, inside, no)
	}
	if firstHi == 0 && firstLo == 0 { // as the words of what is not IPv6 are
		inside = l.between(Family, 6, 6, inside, no)
	}
	return inside
}

// span4 is an IPv4 network as a range of SrcIPv4 or DstIPv4.
func span4(network netip.Prefix) span {
	b := network.Masked().Addr().As4()
	first := uint64(binary.BigEndian.Uint32(b[:]))
	return span{lo: IPv4Present | first, hi: IPv4Present | first | math.MaxUint32>>network.Bits()}
}

// inAddrs adds a test of an address against a list of addresses and networks.
func (l *lowering) inAddrs(subject *node, items []*node, yes, no Target) Target {
	k := subject.key.addr
	v4, _, _ := k.side.addrFields()
	var spans []span
	for _, item := range items {
		network, ok := networkIn(subject, item)
		if a, isAddr := k.parse(item.str); isAddr && a.IsValid() {
			network, ok = netip.PrefixFrom(a, a.BitLen()), true
		}
		switch {
		case ok && network.Addr().Is4() && k.v4:
			spans = append(spans, span4(network))
		case ok:
			no = l.inNetwork(k, network, yes, no)
		case item.str == "":
			no = l.absent(k, yes, no)
		}
	}
	return l.among(v4, spans, yes, no)
}

// sameAddr adds the comparison of two addresses of a packet. An address that
// one of them does not have is "" there.
func (l *lowering) sameAddr(a, b *addrKey, yes, no Target) Target {
	a4, aHi, aLo := a.side.addrFields()
	b4, bHi, bLo := b.side.addrFields()
	same4, same6 := choose(a.v4 == b.v4, yes, no), choose(a.v6 == b.v6, yes, no)
	if a.v4 && b.v4 {
		same4 = l.test(Test{A: a4, B: b4, Yes: yes, No: no})
	}
	if a.v6 && b.v6 {
		same6 = l.test(Test{A: aHi, B: bHi, Yes: l.test(Test{A: aLo, B: bLo, Yes: yes, No: no}), No: no})
	}
	return l.between(Family, 4, 4, same4, l.between(Family, 6, 6, same6, yes))
}
