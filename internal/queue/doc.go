// Package queue keeps finished blocks on disk until every backend has them.
package queue
