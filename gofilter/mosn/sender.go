package mosn

import (
	"net/http"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
)

// sender is one sender filter and its handler.
type sender struct {
	stream *stream
	filter api.StreamSenderFilter
	data   api.IoBuffer
}

var _ api.StreamSenderFilterHandler = (*sender)(nil)

// runSenders runs the sender filters on the response's headers and, if not nil, its whole body.
func (s *stream) runSenders(data envoyapi.BufferInstance) envoyapi.StatusType {
	callbacks := s.callbacks.EncoderFilterCallbacks()
	return s.send.perform(callbacks, func() envoyapi.StatusType {
		var original *body
		var current api.IoBuffer
		if data != nil {
			original = newBody(data.Bytes())
			current = original
		}
		for _, one := range s.senders {
			one.data = current
			status := one.filter.Append(s.ctx, s.send.headers, one.data, nil)
			current = one.data
			if status == api.StreamFilterStop || status == api.StreamFiltertermination {
				callbacks.SendLocalReply(http.StatusInternalServerError, "", nil, -1, "mosn_filter_stopped_response")
				return envoyapi.LocalReply
			}
		}
		writeBack(current, original, data)
		return envoyapi.Continue
	})
}

func (s *sender) Route() api.Route             { return route{s.stream.callbacks} }
func (s *sender) RequestInfo() api.RequestInfo { return s.stream.info }
func (s *sender) Connection() api.Connection   { return s.stream.info.connection() }

func (s *sender) GetResponseHeaders() api.HeaderMap        { return s.stream.send.headers }
func (s *sender) SetResponseHeaders(headers api.HeaderMap) { s.stream.send.headers.replaceBy(headers) }
func (s *sender) GetResponseData() api.IoBuffer            { return s.data }
func (s *sender) SetResponseData(data api.IoBuffer)        { s.data = data }

// Trailers are passed on as they are: the proxy gives them to the plugin after the body.
func (s *sender) GetResponseTrailers() api.HeaderMap { return nil }
func (s *sender) SetResponseTrailers(api.HeaderMap)  {}
