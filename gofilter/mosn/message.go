package mosn

import (
	"strconv"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
)

// What filters are given of a pass's message, and what they make of it.

// writeBack gives the proxy the body back if it was changed or taken from it.
func (p *pass) writeBack() {
	if p.body == nil || !p.body.changed && p.data != nil {
		return
	}
	if p.body.changed {
		if _, ok := p.headers.Get("content-length"); ok {
			p.headers.Set("content-length", strconv.Itoa(p.body.Len()))
		}
	}
	if p.data != nil {
		_ = p.data.Set(p.body.Bytes())
	} else if p.body.Len() > 0 {
		p.callbacks().AddData(p.body.Bytes(), false)
	}
}

// setBody is what a filter's handler is asked for.
func (p *pass) setBody(data api.IoBuffer) {
	if p.passesBy {
		p.stream.callbacks.Log(envoyapi.Warn, "MOSN: a filter sets a body that it has not held, ignoring it")
		return
	}
	if p.body == nil {
		if data == nil || data.Len() == 0 {
			return
		}
		p.body = newBody(nil)
	}
	p.body.replace(data)
}

// setTrailers takes nil for none, as MOSN does.
func (p *pass) setTrailers(trailers api.HeaderMap) {
	if trailers == nil {
		trailers = plainHeaders{}
	}
	p.trailers.replaceBy(trailers)
}

// buffer is the body as filters are given it: nil if there is none.
func (p *pass) buffer() api.IoBuffer {
	if p.body == nil {
		return nil
	}
	return p.body
}

// headerMap and trailerMap are nil interfaces if there is no such map.
func (p *pass) headerMap() api.HeaderMap  { return asMap(p.headers) }
func (p *pass) trailerMap() api.HeaderMap { return asMap(p.trailers) }

func asMap(h *headers) api.HeaderMap {
	if h == nil {
		return nil
	}
	return h
}
