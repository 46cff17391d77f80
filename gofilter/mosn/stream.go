package mosn

import (
	"context"
	"sort"

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

	receivers      []*receiver
	senders        []*sender
	accessLogs     []api.AccessLog
	requestHeaders envoyapi.RequestHeaderMap
	receive        pass
	send           pass
}

// pass is what one direction's filters need, and whether they have had it.
type pass struct {
	headers     *headers
	nonBlocking bool
	headersOnly bool
	done        bool
}

func newStream(config *chainConfig, callbacks envoyapi.FilterCallbackHandler) *stream {
	s := &stream{callbacks: callbacks, receive: pass{nonBlocking: true, headersOnly: true},
		send: pass{nonBlocking: true, headersOnly: true}}
	s.ctx = context.WithValue(variable.NewVariableContext(context.Background()), streamKey{}, s)
	s.info = newRequestInfo(callbacks)
	for _, one := range config.factories {
		one.factory.CreateFilterChain(s.ctx, &chain{stream: s, configured: one})
	}
	// MOSN's phases come one after the other; within one the order is that of the configuration.
	sort.SliceStable(s.receivers, func(i, j int) bool { return s.receivers[i].phase < s.receivers[j].phase })
	return s
}

// chain is what a factory adds its filters to.
type chain struct {
	stream *stream
	configured
}

func (c *chain) note(p *pass, filter interface{}) {
	_, nonBlocking := filter.(NonBlocking)
	_, headersOnly := filter.(HeadersOnly)
	p.nonBlocking = p.nonBlocking && (nonBlocking || c.nonBlocking)
	p.headersOnly = p.headersOnly && (headersOnly || c.headersOnly)
}

func (c *chain) AddStreamReceiverFilter(filter api.StreamReceiverFilter, phase api.ReceiverFilterPhase) {
	added := &receiver{stream: c.stream, filter: filter, phase: phase}
	filter.SetReceiveFilterHandler(added)
	c.stream.receivers = append(c.stream.receivers, added)
	c.note(&c.stream.receive, filter)
}

func (c *chain) AddStreamSenderFilter(filter api.StreamSenderFilter, _ api.SenderFilterPhase) {
	added := &sender{stream: c.stream, filter: filter}
	filter.SetSenderFilterHandler(added)
	c.stream.senders = append(c.stream.senders, added)
	c.note(&c.stream.send, filter)
}

func (c *chain) AddStreamAccessLog(log api.AccessLog) {
	c.stream.accessLogs = append(c.stream.accessLogs, log)
}

// start decides at the headers what a direction does: run now, or when the body is here.
func (p *pass) start(map_ envoyapi.HeaderMap, filters int, endStream bool, run func() envoyapi.StatusType) envoyapi.StatusType {
	p.headers = &headers{HeaderMap: map_}
	if filters == 0 {
		p.done = true
		return envoyapi.Continue
	}
	if !endStream && !p.headersOnly {
		return envoyapi.StopAndBuffer
	}
	p.done = true
	return run()
}

// perform runs f here or, if a filter may block, on a goroutine whose result is told later.
func (p *pass) perform(callbacks envoyapi.FilterProcessCallbacks, f func() envoyapi.StatusType) envoyapi.StatusType {
	if p.nonBlocking {
		return f()
	}
	go func() {
		defer callbacks.RecoverPanic()
		if status := f(); status != envoyapi.LocalReply {
			callbacks.Continue(status)
		}
	}()
	return envoyapi.Running
}

func (s *stream) DecodeHeaders(map_ envoyapi.RequestHeaderMap, endStream bool) envoyapi.StatusType {
	s.requestHeaders = map_
	return s.receive.start(map_, len(s.receivers), endStream, func() envoyapi.StatusType {
		return s.runReceivers(nil)
	})
}

func (s *stream) DecodeData(data envoyapi.BufferInstance, _ bool) envoyapi.StatusType {
	if s.receive.done {
		return envoyapi.Continue
	}
	s.receive.done = true
	return s.runReceivers(data)
}

func (s *stream) EncodeHeaders(map_ envoyapi.ResponseHeaderMap, endStream bool) envoyapi.StatusType {
	return s.send.start(map_, len(s.senders), endStream, func() envoyapi.StatusType {
		return s.runSenders(nil)
	})
}

func (s *stream) EncodeData(data envoyapi.BufferInstance, _ bool) envoyapi.StatusType {
	if s.send.done {
		return envoyapi.Continue
	}
	s.send.done = true
	return s.runSenders(data)
}

func (s *stream) OnLog(request envoyapi.RequestHeaderMap, _ envoyapi.RequestTrailerMap, response envoyapi.ResponseHeaderMap, _ envoyapi.ResponseTrailerMap) {
	if len(s.accessLogs) == 0 {
		return
	}
	var responseHeaders api.HeaderMap
	if response != nil {
		responseHeaders = &headers{HeaderMap: response}
	}
	for _, log := range s.accessLogs {
		log.Log(s.ctx, &headers{HeaderMap: request}, responseHeaders, s.info)
	}
}

func (s *stream) OnDestroy(envoyapi.DestroyReason) {
	for _, receiver := range s.receivers {
		receiver.filter.OnDestroy()
	}
	for _, sender := range s.senders {
		sender.filter.OnDestroy()
	}
}

// writeBack puts a changed body into the proxy's buffer. The proxy mends content-length.
func writeBack(current api.IoBuffer, original *body, data envoyapi.BufferInstance) {
	if data == nil || current == nil {
		return
	}
	if current != api.IoBuffer(original) || original.changed {
		_ = data.Set(current.Bytes())
	}
}
