package http

// upgrade goes on with HTTP/2 behind a 101 response; o becomes stream 1 (RFC
// 7540 §3.2).
func (c *Conn) upgrade(server Side, o *open, out func(*Exchange)) {
	x := &exchange2{Exchange: o.Exchange, id: 1, known: true, asked: true}
	x.Version, x.Upgraded = "2", true
	x.Status, x.ResponseStart, x.ResponsePos = 0, 0, 0
	x.RequestEnd, x.RequestBytes = c.sides[server^1].last, c.sides[server^1].next-o.RequestPos
	if o.asked {
		x.RequestEnd, x.RequestBytes = o.RequestEnd, o.Exchange.RequestBytes
	}
	x.ResponseBytes = c.sides[server].next - o.sent
	x.last = [2]int64{x.RequestEnd, c.sides[server].last}
	for i := len(c.open) - 1; i >= 0; i-- {
		if &c.open[i] == o {
			c.drop(i)
			break
		}
	}
	for len(c.open) > 0 {
		c.abandon(0, out)
	}
	h := c.speak2(0, [2]bool{true, true})
	h.streams[1], h.highest = x, 1
}
