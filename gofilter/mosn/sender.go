package mosn

import "mosn.io/api"

// sender is one sender filter and its handler.
type sender struct {
	handler
	filter    api.StreamSenderFilter
	stopWaits bool
}

var (
	_ api.StreamSenderFilterHandler = (*sender)(nil)
	_ SenderContinuer               = (*sender)(nil)
	_ step                          = (*sender)(nil)
)

func (s *sender) pass() *pass { return &s.stream.send }

func (s *sender) call() api.StreamFilterStatus {
	p := s.pass()
	return s.filter.Append(s.stream.ctx, p.headerMap(), p.buffer(), p.trailerMap())
}
func (s *sender) receiverPhase() api.ReceiverFilterPhase { return api.BeforeRoute }
func (s *sender) waits() bool                            { return s.stopWaits }

func (s *sender) endReply() {} // it makes none

func (s *sender) ContinueSending() { s.pass().resume(s) }

func (s *sender) GetResponseHeaders() api.HeaderMap          { return s.pass().headerMap() }
func (s *sender) SetResponseHeaders(headers api.HeaderMap)   { s.pass().headers.replaceBy(headers) }
func (s *sender) GetResponseData() api.IoBuffer              { return s.pass().buffer() }
func (s *sender) SetResponseData(data api.IoBuffer)          { s.pass().setBody(data) }
func (s *sender) GetResponseTrailers() api.HeaderMap         { return s.pass().trailerMap() }
func (s *sender) SetResponseTrailers(trailers api.HeaderMap) { s.pass().setTrailers(trailers) }
