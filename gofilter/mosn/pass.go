package mosn

import (
	"net/http"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
)

// maxRematches bounds how often one filter may have the route matched anew for a request, as MOSN does.
const maxRematches = 10

// step is one filter in a pass.
type step interface {
	call() api.StreamFilterStatus
	receiverPhase() api.ReceiverFilterPhase // BeforeRoute for all senders
	waits() bool                            // StreamFilterStop holds the message
	endReply()                              // a reply that was begun is whole
}

// pass runs the filters of one direction on one message: request or response.
type pass struct {
	stream      *stream
	encodes     bool
	steps       []step
	nonBlocking bool
	headersOnly bool

	// The message. The proxy's thread fills it before the filters run.
	headers  *headers
	trailers *headers
	body     *body                   // nil if there is none
	data     envoyapi.BufferInstance // the proxy's own, nil at headers and trailers
	held     []byte                  // of a message with trailers
	started  bool
	passesBy bool // body and trailers are not held

	next      int // step that runs, waits or comes next
	rematches int

	// Under the stream's mutex.
	state   passState
	resumed bool // the step that runs has said already that it need not wait
	reply   *reply
}

type passState int

const (
	idle passState = iota
	running
	waiting // for ContinueReceiving or ContinueSending
	over
)

// reply is an answer in the place of what the pass holds.
type reply struct {
	code    int
	headers map[string][]string
	body    string
	details string
}

func (p *pass) callbacks() envoyapi.FilterProcessCallbacks {
	if p.encodes {
		return p.stream.callbacks.EncoderFilterCallbacks()
	}
	return p.stream.callbacks.DecoderFilterCallbacks()
}

// onHeaders, onData and onTrailers are the proxy's calls.
func (p *pass) onHeaders(endStream bool) envoyapi.StatusType {
	if len(p.steps) == 0 {
		p.started = true
		return envoyapi.Continue
	}
	if !endStream && !p.headersOnly {
		return envoyapi.StopAndBuffer
	}
	p.passesBy = !endStream
	return p.start(nil, false)
}

func (p *pass) onData(data envoyapi.BufferInstance, endStream bool) envoyapi.StatusType {
	if p.started {
		return envoyapi.Continue
	}
	if !endStream {
		// The whole body is here, and trailers follow. The proxy's buffer is out of reach when they do.
		p.held = append(p.held, data.Bytes()...)
		return envoyapi.StopNoBuffer
	}
	p.data = data
	if len(p.held) == 0 {
		return p.start(data.Bytes(), false)
	}
	return p.start(append(p.held, data.Bytes()...), true) // the held part goes back, too
}

func (p *pass) onTrailers(trailers envoyapi.HeaderMap) envoyapi.StatusType {
	if p.started {
		return envoyapi.Continue
	}
	p.trailers = &headers{HeaderMap: trailers}
	return p.start(p.held, false)
}

// start runs the filters here, or on a goroutine if one may block.
func (p *pass) start(bytes []byte, changed bool) envoyapi.StatusType {
	p.started = true
	if len(bytes) > 0 {
		p.body = newBody(bytes)
		p.body.changed = changed
	}
	if !p.enter(idle) {
		return envoyapi.Running // the stream is gone
	}
	if p.nonBlocking && p.stream.turns.begin() {
		defer p.stream.turns.end()
		return p.work(nil)
	}
	p.workElsewhere(nil)
	return envoyapi.Running
}

// work runs the filters, from behind the one that has waited if there is one.
func (p *pass) work(waited step) envoyapi.StatusType {
	panicked := true
	defer func() {
		if panicked {
			p.finish() // the SDK answers
		}
	}()
	if waited == nil && p.encodes {
		forgetStatus(p.stream)
	}
	if waited != nil {
		if waited.endReply(); !p.answered() {
			p.advance(p.next + 1)
		}
	}
	status := p.settle(p.run())
	panicked = false
	return status
}

// workElsewhere does it on a goroutine, where only the SDK's RecoverPanic is between a panic and the
// end of the process.
func (p *pass) workElsewhere(waited step) {
	p.stream.turns.elsewhere(func() {
		callbacks := p.callbacks()
		defer callbacks.RecoverPanic()
		if status := p.work(waited); status == envoyapi.Continue {
			callbacks.Continue(status)
		}
	})
}

// run calls filter after filter. It tells whether the message goes on, waits, or has been answered.
func (p *pass) run() envoyapi.StatusType {
	for p.next < len(p.steps) && !p.answered() {
		step := p.steps[p.next]
		p.expectNothing()
		status := step.call()
		waits := status == api.StreamFilterStop && step.waits()
		if !waits {
			step.endReply()
		}
		if p.answered() {
			return envoyapi.LocalReply
		}
		end := p.next + 1
		switch status {
		case api.StreamFilterStop:
			if !waits {
				end = p.endOfPhase()
			} else if p.pause() {
				return envoyapi.Running
			} else if step.endReply(); p.answered() {
				return envoyapi.LocalReply
			}
		case api.StreamFiltertermination:
			p.answer(&reply{code: http.StatusInternalServerError, details: "mosn_filter_terminated"})
			return envoyapi.LocalReply
		case api.StreamFilterReMatchRoute:
			if p.rematch(step) {
				continue
			}
		}
		p.advance(end)
	}
	return envoyapi.Continue
}

// advance goes to another step. MOSN matches the route between its first two phases.
func (p *pass) advance(to int) {
	leaves := !p.encodes && p.steps[p.next].receiverPhase() == api.BeforeRoute &&
		(to == len(p.steps) || p.steps[to].receiverPhase() != api.BeforeRoute)
	p.goTo(to)
	if leaves && p.headers.changed {
		p.headers.changed = false
		p.stream.callbacks.ClearRouteCache()
	}
}

// rematch has the route matched anew; true if the filter is to be called again for the new one.
func (p *pass) rematch(step step) bool {
	if p.encodes {
		return false
	}
	if step.receiverPhase() == api.BeforeRoute {
		p.headers.changed = true // the phase's end matches it
		return false
	}
	p.rematches++
	if p.rematches > maxRematches {
		p.stream.callbacks.Log(envoyapi.Warn, "MOSN: a filter has the route matched anew without end, going on")
		return false
	}
	p.headers.changed = false
	p.stream.callbacks.ClearRouteCache()
	return step.receiverPhase() == api.AfterRoute
}

func (p *pass) endOfPhase() int {
	end := p.next
	for end < len(p.steps) && p.steps[end].receiverPhase() == p.steps[p.next].receiverPhase() {
		end++
	}
	return end
}

// settle ends the pass unless it waits: the message goes on, or its answer is sent.
func (p *pass) settle(status envoyapi.StatusType) envoyapi.StatusType {
	if status == envoyapi.Running {
		return status
	}
	if r := p.finish(); r != nil {
		p.callbacks().SendLocalReply(r.code, r.body, r.headers, -1, r.details)
		return envoyapi.LocalReply
	}
	p.writeBack()
	return envoyapi.Continue
}
