package dns

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

// Message is what matters of a message. One Message is used for many: Parse
// reuses its memory, and the strings of the last message where they are equal.
type Message struct {
	ID        uint16
	Response  bool
	Truncated bool  // the sender left something out (flag TC)
	Opcode    uint8 // 0 is a standard query
	RCode     int   // with the extension of EDNS where the message has one

	// Name and Type are the question, the first of several: the name in lower
	// case and without the last dot, "." for the root; bytes that are not
	// printable, dots in labels and backslashes are escaped as in RFC 1035
	// section 5.1. "" and 0 when there is no question.
	Name string
	Type uint16

	Answers []Answer // the first 256 records of the answer section

	// Cut says that the bytes ended before the last record: Answers, and the
	// extension of RCode, may be incomplete.
	Cut bool

	text []byte // a name being read
}

// Answer is one record of the answer section.
type Answer struct {
	Name string // of its owner, spelled like [Message].Name
	Type uint16
	TTL  time.Duration
	Addr netip.Addr // of A and AAAA records
}

// Parse reads a message, or as much as there is of it (see [Message].Cut).
// With an error m holds nothing of use. It takes time proportional to the
// length of b, whatever b is.
func Parse(b []byte, m *Message) error {
	*m = Message{Name: m.Name, Answers: m.Answers[:0], text: m.text}
	if len(b) < headerSize {
		return ErrShort
	}
	flags := binary.BigEndian.Uint16(b[2:])
	m.ID = binary.BigEndian.Uint16(b)
	m.Response = flags&0x8000 != 0
	m.Opcode = uint8(flags >> 11 & 0xf)
	m.Truncated = flags&0x0200 != 0
	m.RCode = int(flags & 0xf)
	r := reader{msg: b, at: headerSize}
	if err := m.question(&r, binary.BigEndian.Uint16(b[4:])); err != nil {
		return err
	}
	answers := int(binary.BigEndian.Uint16(b[6:]))
	others := int(binary.BigEndian.Uint16(b[8:])) + int(binary.BigEndian.Uint16(b[10:]))
	err := m.records(&r, answers, others)
	if errors.Is(err, ErrShort) {
		m.Cut, err = true, nil
	}
	return err
}

// question reads the first question and skips the others.
func (m *Message) question(r *reader, count uint16) (err error) {
	if count == 0 {
		m.Name = ""
		return nil
	}
	if m.text, err = r.name(m.text[:0]); err != nil {
		return err
	}
	if m.Type, err = r.uint16(); err != nil {
		return err
	}
	if _, err = r.uint16(); err != nil { // class
		return err
	}
	m.Name = again(m.Name, m.text)
	for range count - 1 {
		if err := r.skipName(); err != nil {
			return err
		}
		if err := r.skip(4); err != nil {
			return err
		}
	}
	return nil
}

// records reads the records of the answer section and looks for EDNS in the
// others.
func (m *Message) records(r *reader, answers, others int) error {
	for i := range answers + others {
		owner := r.at
		if err := r.skipName(); err != nil {
			return err
		}
		rr, err := r.record()
		if err != nil {
			return err
		}
		switch {
		case i < answers && len(m.Answers) < maxAnswers:
			if err := m.answer(r.msg, owner, &rr); err != nil {
				return err
			}
		case i >= answers && rr.kind == typeOPT:
			// RFC 6891 section 6.1.3: the upper eight bits of the code.
			m.RCode |= int(rr.ttl>>24) << 4
			return nil
		}
	}
	return nil
}

// answer appends a record whose owner's name is at the given place.
func (m *Message) answer(msg []byte, owner int, rr *record) (err error) {
	a := Answer{Name: m.Name, Type: rr.kind}
	if rr.ttl>>31 == 0 { // else it counts as zero: RFC 2181 section 8
		a.TTL = time.Duration(rr.ttl) * time.Second
	}
	// Nearly every name is a pointer to the question.
	if binary.BigEndian.Uint16(msg[owner:]) != 0xc000|headerSize || m.Name == "" {
		r := reader{msg: msg, at: owner}
		if m.text, err = r.name(m.text[:0]); err != nil {
			return err
		}
		a.Name = again(m.Name, m.text)
	}
	if rr.class == classIN && (rr.kind == TypeA && len(rr.data) == 4 || rr.kind == TypeAAAA && len(rr.data) == 16) {
		a.Addr, _ = netip.AddrFromSlice(rr.data)
	}
	m.Answers = append(m.Answers, a)
	return nil
}

// again returns text as a string, the old one if that is equal.
func again(old string, text []byte) string {
	if string(text) == old {
		return old
	}
	return string(text)
}

// Addresses tells what an answer says about addresses: the name to be shown
// for each, and how long that is good. The name is the owner of the first
// CNAME record if there is one, because that is what was asked for, and else
// that of the address record. Only answers without error say something.
func (m *Message) Addresses(yield func(addr netip.Addr, name string, ttl time.Duration)) {
	if !m.Response || m.RCode != 0 {
		return
	}
	alias, most := "", time.Duration(1<<63-1)
	for i := range m.Answers {
		if a := &m.Answers[i]; a.Type == TypeCNAME {
			if alias == "" {
				alias = a.Name
			}
			most = min(most, a.TTL) // a chain is as good as its weakest link
		}
	}
	for i := range m.Answers {
		a := &m.Answers[i]
		switch {
		case !a.Addr.IsValid():
		case alias != "":
			yield(a.Addr, alias, min(most, a.TTL))
		default:
			yield(a.Addr, a.Name, a.TTL)
		}
	}
}
