package main

import "datakit.dev/agent/inputs"

// aboutSelf is what inputs may tell about the agent. It must not be called
// while the inputs are being built.
func (a *agent) aboutSelf() inputs.Agent {
	self := inputs.Agent{Version: version, LogLevel: a.level.Level().String()}
	for _, i := range a.inputs.States() {
		self.Collectors = append(self.Collectors, inputs.Collector{
			Name: i.Input, Gathers: i.Gathers, LastGather: i.LastGather, LastError: i.LastError, LastErrorAt: i.LastErrorAt,
		})
	}
	return self
}
