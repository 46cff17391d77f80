package mosn

import (
	"context"
	"time"
)

type streamKey struct{}

// streamContext is the root of the context that filters are given: it knows its stream, and is
// cancelled when the stream is gone.
type streamContext struct{ stream *stream }

var _ context.Context = streamContext{}

func (streamContext) Deadline() (time.Time, bool) { return time.Time{}, false }

func (c streamContext) Done() <-chan struct{} {
	s := c.stream
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.gone == nil {
		s.gone = make(chan struct{})
		if s.destroyed {
			close(s.gone)
		}
	}
	return s.gone
}

func (c streamContext) Err() error {
	c.stream.mutex.Lock()
	defer c.stream.mutex.Unlock()
	if c.stream.destroyed {
		return context.Canceled
	}
	return nil
}

func (c streamContext) Value(key interface{}) interface{} {
	if key == (streamKey{}) {
		return c.stream
	}
	return nil
}

func streamOf(ctx context.Context) *stream {
	if ctx == nil {
		return nil
	}
	s, _ := ctx.Value(streamKey{}).(*stream)
	return s
}

// Metadata is where a filter leaves what the load balancer or other filters go by: the stream's
// dynamic metadata, by namespace and key.
type Metadata interface {
	Set(namespace, key string, value interface{})
	Get(namespace string) map[string]interface{}
}

// LoadBalancing is the namespace of the metadata by which a subset load balancer chooses.
const LoadBalancing = "envoy.lb"

// MetadataOf gives the metadata of the stream that a filter works for; nil if ctx is not that of a
// stream.
func MetadataOf(ctx context.Context) Metadata {
	s := streamOf(ctx)
	if s == nil {
		return nil
	}
	return metadata{s}
}
