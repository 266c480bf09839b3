// Package netlog turns captured packets into connection logs and flows.
package netlog
