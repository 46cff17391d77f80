package mosn

import "mosn.io/api"

// receiver is one receiver filter and its handler.
type receiver struct {
	handler
	filter    api.StreamReceiverFilter
	phase     api.ReceiverFilterPhase
	stopWaits bool
	appended  *reply // by AppendHeaders and AppendData, until the end; under the stream's mutex
}

var (
	_ api.StreamReceiverFilterHandler = (*receiver)(nil)
	_ ReceiverContinuer               = (*receiver)(nil)
	_ step                            = (*receiver)(nil)
)

func (r *receiver) pass() *pass { return &r.stream.receive }

func (r *receiver) call() api.StreamFilterStatus {
	p := r.pass()
	return r.filter.OnReceive(r.stream.ctx, p.headerMap(), p.buffer(), p.trailerMap())
}
func (r *receiver) receiverPhase() api.ReceiverFilterPhase { return r.phase }
func (r *receiver) waits() bool                            { return r.stopWaits }

func (r *receiver) ContinueReceiving() { r.pass().resume(r) }

func (r *receiver) GetRequestHeaders() api.HeaderMap          { return r.pass().headerMap() }
func (r *receiver) SetRequestHeaders(headers api.HeaderMap)   { r.pass().headers.replaceBy(headers) }
func (r *receiver) GetRequestData() api.IoBuffer              { return r.pass().buffer() }
func (r *receiver) SetRequestData(data api.IoBuffer)          { r.pass().setBody(data) }
func (r *receiver) GetRequestTrailers() api.HeaderMap         { return r.pass().trailerMap() }
func (r *receiver) SetRequestTrailers(trailers api.HeaderMap) { r.pass().setTrailers(trailers) }

func (r *receiver) GetFilterCurrentPhase() api.ReceiverFilterPhase { return r.phase }

func (r *receiver) SendHijackReply(code int, headers api.HeaderMap) {
	r.SendHijackReplyWithBody(code, headers, "")
}

func (r *receiver) SendHijackReplyWithBody(code int, headers api.HeaderMap, body string) {
	r.answer(&reply{code: code, headers: r.plain(headers), body: body})
}

// SendDirectResponse answers with the status in the variable x-mosn-status or the header :status,
// else 200. An answer has no trailers.
func (r *receiver) SendDirectResponse(headers api.HeaderMap, data api.IoBuffer, _ api.HeaderMap) {
	made := &reply{code: statusOf(r.stream.ctx, headers), headers: r.plain(headers)}
	if data != nil {
		made.body = data.String()
	}
	r.answer(made)
}

func (r *receiver) AppendHeaders(headers api.HeaderMap, endStream bool) {
	made := &reply{code: statusOf(r.stream.ctx, headers), headers: r.plain(headers)}
	r.stream.mutex.Lock()
	r.appended = made
	r.stream.mutex.Unlock()
	if endStream {
		r.endReply()
	}
}

func (r *receiver) AppendData(data api.IoBuffer, endStream bool) {
	r.stream.mutex.Lock()
	if r.appended == nil {
		r.appended = &reply{code: statusOf(r.stream.ctx, nil)}
	}
	if data != nil {
		r.appended.body += data.String()
	}
	r.stream.mutex.Unlock()
	if endStream {
		r.endReply()
	}
}

// AppendTrailers ends the answer, which has no trailers.
func (r *receiver) AppendTrailers(api.HeaderMap) {
	r.endReply()
}

// endReply answers with what has been appended, if anything has been.
func (r *receiver) endReply() {
	r.stream.mutex.Lock()
	made := r.appended
	r.appended = nil
	r.stream.mutex.Unlock()
	if made != nil {
		r.answer(made)
	}
}

// TerminateStream ends the request while its filters, or those of its response, are at work. It is
// false before and after, and while the upstream has the request.
func (r *receiver) TerminateStream(code int) bool {
	made := &reply{code: code, details: "mosn_filter_terminated"}
	return r.stream.receive.answer(made) || r.stream.send.answer(made)
}

func (r *receiver) answer(made *reply) {
	made.details = "mosn_filter_reply"
	r.pass().answer(made)
}
