package mosn

import (
	"net/http"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
	"mosn.io/pkg/buffer"
)

// receiver is one receiver filter and its handler.
type receiver struct {
	stream *stream
	filter api.StreamReceiverFilter
	phase  api.ReceiverFilterPhase

	data     api.IoBuffer
	reply    *reply
	appended *reply // by AppendHeaders and AppendData, until the end
}

// reply is an answer that a filter has given instead of an upstream.
type reply struct {
	code    int
	headers map[string][]string
	body    string
}

var _ api.StreamReceiverFilterHandler = (*receiver)(nil)

// runReceivers runs the receiver filters on headers and, if not nil, the whole body.
func (s *stream) runReceivers(data envoyapi.BufferInstance) envoyapi.StatusType {
	callbacks := s.callbacks.DecoderFilterCallbacks()
	return s.receive.perform(callbacks, func() envoyapi.StatusType {
		var original *body
		var current api.IoBuffer
		if data != nil {
			original = newBody(data.Bytes())
			current = original
		}
		line := readLine(s.ctx)
		rematch := false
		for i, one := range s.receivers {
			one.data = current
			status := one.filter.OnReceive(s.ctx, s.receive.headers, one.data, nil)
			current = one.data
			if one.reply == nil && (status == api.StreamFilterStop || status == api.StreamFiltertermination) {
				one.reply = &reply{code: http.StatusInternalServerError}
			}
			if one.reply != nil {
				callbacks.SendLocalReply(one.reply.code, one.reply.body, one.reply.headers, -1, "mosn_filter_reply")
				return envoyapi.LocalReply
			}
			// The route is matched between MOSN's first two phases.
			lastBeforeRoute := one.phase == api.BeforeRoute &&
				(i+1 == len(s.receivers) || s.receivers[i+1].phase != api.BeforeRoute)
			changed := lastBeforeRoute && s.receive.headers.changed
			rematch = rematch || changed || status == api.StreamFilterReMatchRoute
		}
		if line.writeBack(s.ctx, s.requestHeaders) || rematch {
			s.callbacks.ClearRouteCache()
		}
		writeBack(current, original, data)
		return envoyapi.Continue
	})
}

func (r *receiver) Route() api.Route             { return route{r.stream.callbacks} }
func (r *receiver) RequestInfo() api.RequestInfo { return r.stream.info }
func (r *receiver) Connection() api.Connection   { return r.stream.info.connection() }

func (r *receiver) GetRequestHeaders() api.HeaderMap { return r.stream.receive.headers }
func (r *receiver) SetRequestHeaders(headers api.HeaderMap) {
	r.stream.receive.headers.replaceBy(headers)
}
func (r *receiver) GetRequestData() api.IoBuffer     { return r.data }
func (r *receiver) SetRequestData(data api.IoBuffer) { r.data = data }

// Trailers are passed on as they are: the proxy gives them to the plugin after the body.
func (r *receiver) GetRequestTrailers() api.HeaderMap              { return nil }
func (r *receiver) SetRequestTrailers(api.HeaderMap)               {}
func (r *receiver) GetFilterCurrentPhase() api.ReceiverFilterPhase { return r.phase }
func (r *receiver) SendHijackReply(code int, headers api.HeaderMap) {
	r.SendHijackReplyWithBody(code, headers, "")
}

func (r *receiver) SendHijackReplyWithBody(code int, headers api.HeaderMap, body string) {
	r.reply = &reply{code: code, headers: plain(headers), body: body}
}

// SendDirectResponse answers with the status in the variable x-mosn-status or the header :status,
// else 200.
func (r *receiver) SendDirectResponse(headers api.HeaderMap, data api.IoBuffer, _ api.HeaderMap) {
	answer := &reply{code: statusOf(r.stream.ctx, headers), headers: plain(headers)}
	if data != nil {
		answer.body = data.String()
	}
	r.reply = answer
}

func (r *receiver) AppendHeaders(headers api.HeaderMap, endStream bool) {
	r.appended = &reply{code: statusOf(r.stream.ctx, headers), headers: plain(headers)}
	if endStream {
		r.reply = r.appended
	}
}

func (r *receiver) AppendData(data api.IoBuffer, endStream bool) {
	if r.appended == nil {
		r.appended = &reply{code: http.StatusOK}
	}
	if data == nil {
		data = buffer.NewIoBuffer(0)
	}
	r.appended.body += data.String()
	if endStream {
		r.reply = r.appended
	}
}

// AppendTrailers ends the answer; a local reply has no trailers.
func (r *receiver) AppendTrailers(api.HeaderMap) { r.reply = r.appended }

// TerminateStream ends the request from anywhere; false if it is over.
func (r *receiver) TerminateStream(code int) (ended bool) {
	defer func() {
		if recover() != nil { // the SDK's way to say that the stream has gone
			ended = false
		}
	}()
	r.stream.callbacks.DecoderFilterCallbacks().SendLocalReply(code, "", nil, -1, "mosn_filter_terminated")
	return true
}

func plain(headers api.HeaderMap) map[string][]string {
	if headers == nil {
		return nil
	}
	out := plainHeaders{}
	headers.Range(func(key, value string) bool {
		if key != "" && key[0] != ':' {
			out.Add(key, value)
		}
		return true
	})
	// The request's own are no part of an answer to it.
	for _, name := range []string{"host", "content-length", "transfer-encoding"} {
		out.Del(name)
	}
	return out
}
