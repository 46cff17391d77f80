package mosn

import (
	"context"
	"fmt"
	"runtime/debug"
	"sort"
	"sync"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
	"mosn.io/pkg/variable"
)

// stream runs the MOSN filters of one request and its response. The proxy calls it on one thread;
// filters that may block run on a goroutine while the proxy waits for Continue.
type stream struct {
	envoyapi.PassThroughStreamFilter
	callbacks envoyapi.FilterCallbackHandler
	ctx       context.Context
	info      *requestInfo

	receive    pass
	send       pass
	filters    []api.StreamFilterBase
	accessLogs []api.AccessLog
	broken     string // why the filters could not be made

	turns  turns
	asking sync.Mutex // see beginAsking

	mutex     sync.Mutex // of what follows, and of the passes' states
	destroyed bool
	gone      chan struct{} // made when it is asked for
}

func newStream(config *chainConfig, callbacks envoyapi.FilterCallbackHandler) *stream {
	s := &stream{callbacks: callbacks}
	s.receive = pass{stream: s, nonBlocking: true, headersOnly: true}
	s.send = pass{stream: s, encodes: true, nonBlocking: true, headersOnly: true}
	s.ctx = variable.NewVariableContext(streamContext{s})
	s.info = newRequestInfo(s)
	for _, one := range config.factories {
		if s.create(one); s.broken != "" {
			return s
		}
	}
	// MOSN's phases come one after the other; within one the order is that of the configuration.
	steps := s.receive.steps
	sort.SliceStable(steps, func(i, j int) bool { return steps[i].receiverPhase() < steps[j].receiverPhase() })
	return s
}

// create has a factory make its filters. The SDK calls it where it recovers no panic: DecodeHeaders
// raises it again. Without all of its filters the stream runs none.
func (s *stream) create(one configured) {
	defer func() {
		if e := recover(); e != nil {
			s.broken = fmt.Sprintf("MOSN: the factory of %q panicked: %v", one.name, e)
			s.callbacks.Log(envoyapi.Error, s.broken+"\n"+string(debug.Stack()))
			s.receive.steps, s.send.steps = nil, nil
		}
	}()
	one.factory.CreateFilterChain(s.ctx, &chain{stream: s, traits: one.traits})
}

// chain is what a factory adds its filters to.
type chain struct {
	stream *stream
	traits
}

var _ api.StreamFilterChainFactoryCallbacks = (*chain)(nil)

// add notes what a filter needs; it tells whether the filter's StreamFilterStop waits.
func (c *chain) add(p *pass, filter api.StreamFilterBase) bool {
	_, nonBlocking := filter.(NonBlocking)
	_, headersOnly := filter.(HeadersOnly)
	_, stopWaits := filter.(StopWaits)
	p.nonBlocking = p.nonBlocking && (nonBlocking || c.nonBlocking)
	p.headersOnly = p.headersOnly && (headersOnly || c.headersOnly)
	c.stream.filters = append(c.stream.filters, filter)
	return stopWaits || c.stopWaits
}

func (c *chain) AddStreamReceiverFilter(filter api.StreamReceiverFilter, phase api.ReceiverFilterPhase) {
	added := &receiver{handler: handler{c.stream}, filter: filter, phase: phase}
	added.stopWaits = c.add(&c.stream.receive, filter)
	c.stream.receive.steps = append(c.stream.receive.steps, added)
	filter.SetReceiveFilterHandler(added)
}

func (c *chain) AddStreamSenderFilter(filter api.StreamSenderFilter, _ api.SenderFilterPhase) {
	added := &sender{handler: handler{c.stream}, filter: filter}
	added.stopWaits = c.add(&c.stream.send, filter)
	c.stream.send.steps = append(c.stream.send.steps, added)
	filter.SetSenderFilterHandler(added)
}

func (c *chain) AddStreamAccessLog(log api.AccessLog) {
	c.stream.accessLogs = append(c.stream.accessLogs, log)
}

func (s *stream) DecodeHeaders(map_ envoyapi.RequestHeaderMap, endStream bool) envoyapi.StatusType {
	if s.broken != "" {
		panic(s.broken) // the SDK answers with 500
	}
	s.receive.headers = &headers{HeaderMap: map_, request: true}
	if len(s.accessLogs) > 0 {
		s.info.keepAddresses()
	}
	if len(s.send.steps)+len(s.accessLogs) > 0 {
		s.receive.headers.Get(":path") // has the SDK copy them: senders may read them, when it no longer could
	}
	return s.receive.onHeaders(endStream)
}

func (s *stream) DecodeData(data envoyapi.BufferInstance, endStream bool) envoyapi.StatusType {
	return s.receive.onData(data, endStream)
}

func (s *stream) DecodeTrailers(trailers envoyapi.RequestTrailerMap) envoyapi.StatusType {
	return s.receive.onTrailers(trailers)
}

func (s *stream) EncodeHeaders(map_ envoyapi.ResponseHeaderMap, endStream bool) envoyapi.StatusType {
	s.mutex.Lock() // a receiver may be at work, if the proxy answers on its own
	s.send.headers = &headers{HeaderMap: map_}
	s.mutex.Unlock()
	if len(s.accessLogs) > 0 {
		s.send.headers.Get(":status")
	}
	return s.send.onHeaders(endStream)
}

// response is nil until there is one.
func (s *stream) response() *headers {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.send.headers
}

func (s *stream) EncodeData(data envoyapi.BufferInstance, endStream bool) envoyapi.StatusType {
	return s.send.onData(data, endStream)
}

func (s *stream) EncodeTrailers(trailers envoyapi.ResponseTrailerMap) envoyapi.StatusType {
	return s.send.onTrailers(trailers)
}

func (s *stream) OnLog(request envoyapi.RequestHeaderMap, _ envoyapi.RequestTrailerMap,
	response envoyapi.ResponseHeaderMap, _ envoyapi.ResponseTrailerMap) {
	if len(s.accessLogs) == 0 {
		return
	}
	// The maps live no longer than this call, the log may have to wait for a filter.
	var requestHeaders, responseHeaders api.HeaderMap
	if request != nil {
		requestHeaders = (&headers{HeaderMap: request, request: true}).Clone()
	}
	if response != nil {
		responseHeaders = (&headers{HeaderMap: response}).Clone()
	}
	s.info.freeze()
	s.inTurn(func() {
		for _, log := range s.accessLogs {
			s.guarded("Log", log, func() { log.Log(s.ctx, requestHeaders, responseHeaders, s.info) })
		}
	})
}

// OnDestroy tells the filters, after the one that is still at work.
func (s *stream) OnDestroy(envoyapi.DestroyReason) {
	s.mutex.Lock()
	s.destroyed = true
	s.receive.state, s.send.state = over, over
	if s.gone != nil {
		close(s.gone)
	}
	s.mutex.Unlock()
	s.inTurn(func() {
		for _, filter := range s.filters {
			s.guarded("OnDestroy", filter, filter.OnDestroy)
		}
	})
}

// guarded logs a panic that no reply can answer any more. What follows runs: the other filters, and
// the SDK, which would keep the request for ever.
func (s *stream) guarded(method string, of interface{}, f func()) {
	defer func() {
		if e := recover(); e != nil {
			s.callbacks.Log(envoyapi.Error, fmt.Sprintf("MOSN: %s of a %T panicked: %v\n%s", method, of, e, debug.Stack()))
		}
	}()
	f()
}

// inTurn runs f here or, if a filter is at work or may block, after it on a goroutine.
func (s *stream) inTurn(f func()) {
	if s.receive.nonBlocking && s.send.nonBlocking && s.turns.begin() {
		defer s.turns.end()
		f()
		return
	}
	s.turns.elsewhere(func() {
		defer s.callbacks.DecoderFilterCallbacks().RecoverPanic()
		f()
	})
}
