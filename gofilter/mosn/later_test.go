package mosn

import (
	"context"
	"testing"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
)

// waiting makes a configuration of filters whose Stop holds the message.
func waitingFor(nonBlocking bool, filters ...*scripted) *chainConfig {
	config := &chainConfig{}
	for _, filter := range filters {
		config.factories = append(config.factories, configured{"filter", filter, traits{nonBlocking: nonBlocking, stopWaits: true}})
	}
	return config
}

func setting(key string) *scripted {
	return &scripted{receive: func(_ *scripted, _ context.Context, h api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		h.Set(key, "1")
		return api.StreamFilterContinue
	}}
}

func TestAStoppedRequestGoesOnFromAnotherGoroutine(t *testing.T) {
	for _, nonBlocking := range []bool{true, false} {
		proxy := newFakeProxy()
		returned := make(chan struct{})
		stops := &scripted{receive: func(f *scripted, _ context.Context, h api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
			go func() {
				<-returned
				h.Set("x-late", "1")
				f.receiver.(ReceiverContinuer).ContinueReceiving()
			}()
			return api.StreamFilterStop
		}}
		headers := request()
		stream := newStream(waitingFor(nonBlocking, stops, setting("x-next")), proxy)
		if status := stream.DecodeHeaders(headers, true); status != envoyapi.Running {
			t.Fatalf("status %v", status)
		}
		close(returned)
		if status := within(t, proxy.continued, "Continue"); status != envoyapi.Continue {
			t.Errorf("continued with %v", status)
		}
		for _, name := range []string{"x-late", "x-next"} {
			if value, _ := headers.Get(name); value != "1" {
				t.Errorf("nonBlocking %v: %s is missing", nonBlocking, name)
			}
		}
		stops.receiver.(ReceiverContinuer).ContinueReceiving() // once more, and nothing happens
		if len(proxy.continued) != 0 {
			t.Error("continued twice")
		}
	}
}

func TestGoingOnBeforeTheReturnCounts(t *testing.T) {
	stops := &scripted{receive: func(f *scripted, _ context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		f.receiver.(ReceiverContinuer).ContinueReceiving()
		return api.StreamFilterStop
	}}
	headers := request()
	stream := newStream(waitingFor(true, stops, setting("x-next")), newFakeProxy())
	if status := stream.DecodeHeaders(headers, true); status != envoyapi.Continue {
		t.Fatalf("status %v", status)
	}
	if _, ok := headers.Get("x-next"); !ok {
		t.Error("the next filter did not run")
	}
}

func TestAStoppedRequestCanBeAnswered(t *testing.T) {
	for name, answer := range map[string]func(h api.StreamReceiverFilterHandler){
		"hijack":    func(h api.StreamReceiverFilterHandler) { h.SendHijackReply(403, nil) },
		"terminate": func(h api.StreamReceiverFilterHandler) { h.TerminateStream(403) },
	} {
		proxy := newFakeProxy()
		returned := make(chan struct{})
		stops := &scripted{receive: func(f *scripted, _ context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
			go func() {
				<-returned
				answer(f.receiver)
			}()
			return api.StreamFilterStop
		}}
		stream := newStream(waitingFor(true, stops, setting("x-next")), proxy)
		if status := stream.DecodeHeaders(request(), true); status != envoyapi.Running {
			t.Fatalf("%s: status %v", name, status)
		}
		close(returned)
		if found := within(t, proxy.answered, "the answer"); found.code != 403 {
			t.Errorf("%s: answered %+v", name, found)
		}
		stops.receiver.(ReceiverContinuer).ContinueReceiving()
		if stops.receiver.TerminateStream(500) {
			t.Errorf("%s: terminated what has been answered", name)
		}
		if len(proxy.continued) != 0 {
			t.Errorf("%s: continued as well", name)
		}
	}
}

func TestMOSNsStopEndsThePhase(t *testing.T) {
	step := func(key string, phase api.ReceiverFilterPhase, status api.StreamFilterStatus) *scripted {
		filter := setting(key)
		filter.phase = phase
		inner := filter.receive
		filter.receive = func(f *scripted, ctx context.Context, h api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus {
			inner(f, ctx, h, data)
			return status
		}
		return filter
	}
	headers := request()
	config := inline(true, step("x-1", api.BeforeRoute, api.StreamFilterStop), step("x-2", api.BeforeRoute, api.StreamFilterContinue),
		step("x-3", api.AfterRoute, api.StreamFilterStop), step("x-4", api.AfterChooseHost, api.StreamFilterReChooseHost),
		step("x-5", api.AfterChooseHost, api.StreamFilterContinue))
	if status := newStream(config, newFakeProxy()).DecodeHeaders(headers, true); status != envoyapi.Continue {
		t.Fatalf("status %v", status)
	}
	for name, expected := range map[string]bool{"x-1": true, "x-2": false, "x-3": true, "x-4": true, "x-5": true} {
		if _, found := headers.Get(name); found != expected {
			t.Errorf("%s ran: found %v, expected %v", name, found, expected)
		}
	}
}

func TestTerminationIsAnError(t *testing.T) {
	proxy := newFakeProxy()
	filter := &scripted{receive: func(*scripted, context.Context, api.HeaderMap, api.IoBuffer) api.StreamFilterStatus {
		return api.StreamFiltertermination
	}}
	if status := newStream(inline(true, filter), proxy).DecodeHeaders(request(), true); status != envoyapi.LocalReply {
		t.Errorf("status %v", status)
	}
	if len(proxy.replies) != 1 || proxy.replies[0].code != 500 {
		t.Errorf("replies %+v", proxy.replies)
	}
}

func TestTheRouteIsMatchedAnewWhenAFilterAsks(t *testing.T) {
	for name, test := range map[string]struct {
		phase            api.ReceiverFilterPhase
		asks             int // times, before it is content
		calls, rematches int
	}{
		"before":    {api.BeforeRoute, 1, 1, 1},
		"after":     {api.AfterRoute, 2, 3, 2},
		"no end":    {api.AfterRoute, 1000, maxRematches + 1, maxRematches},
		"not asked": {api.AfterRoute, 0, 1, 0},
	} {
		proxy := newFakeProxy()
		calls := 0
		filter := &scripted{phase: test.phase, receive: func(_ *scripted, _ context.Context, h api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
			calls++
			if test.phase == api.AfterRoute {
				h.Set("x-changed", "1") // of itself no reason after routing
			}
			if calls <= test.asks {
				return api.StreamFilterReMatchRoute
			}
			return api.StreamFilterContinue
		}}
		headers := request()
		if status := newStream(inline(true, filter, setting("x-next")), proxy).DecodeHeaders(headers, true); status != envoyapi.Continue {
			t.Errorf("%s: status %v", name, status)
		}
		expected := test.rematches
		if test.phase == api.AfterRoute {
			expected++ // setting runs before routing, and changes a header
		}
		if calls != test.calls || proxy.rerouted != expected {
			t.Errorf("%s: %d calls and %d matches, expected %d and %d", name, calls, proxy.rerouted, test.calls, expected)
		}
		if _, ok := headers.Get("x-next"); !ok {
			t.Errorf("%s: the next filter did not run", name)
		}
	}
}

func TestAResponseCanWait(t *testing.T) {
	proxy := newFakeProxy()
	returned := make(chan struct{})
	stops := &scripted{send: func(f *scripted, _ context.Context, h api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		go func() {
			<-returned
			h.Set("x-late", "1")
			f.sender.(SenderContinuer).ContinueSending()
		}()
		return api.StreamFilterStop
	}}
	stream := newStream(waitingFor(true, stops), proxy)
	stream.DecodeHeaders(request(), true)
	headers := fakeMap(":status", "200")
	if status := stream.EncodeHeaders(headers, true); status != envoyapi.Running {
		t.Fatalf("status %v", status)
	}
	close(returned)
	within(t, proxy.continued, "Continue")
	if _, ok := headers.Get("x-late"); !ok {
		t.Error("the edit is lost")
	}
}

func TestAFilterIsNotDestroyedWhileItWorks(t *testing.T) {
	proxy := newFakeProxy()
	works, cancelled, destroyed := make(chan struct{}), make(chan error, 1), make(chan struct{})
	atWork := false
	filter := &scripted{receive: func(_ *scripted, ctx context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		atWork = true
		close(works)
		<-ctx.Done()
		cancelled <- ctx.Err()
		atWork = false
		return api.StreamFilterContinue
	}}
	filter.onDestroy = func() {
		if atWork {
			t.Error("destroyed while it works")
		}
		close(destroyed)
	}
	stream := newStream(&chainConfig{factories: []configured{{factory: filter}}}, proxy)
	stream.DecodeHeaders(request(), true)
	within(t, works, "the call")
	stream.OnDestroy(envoyapi.Terminate)
	if err := within(t, cancelled, "the cancellation"); err != context.Canceled {
		t.Errorf("found %v", err)
	}
	within(t, destroyed, "OnDestroy")
	if filter.receiver.TerminateStream(500) {
		t.Error("terminated what is gone")
	}
}

// The proxy has answered on its own while a receiver is at work: the sender waits for its turn.
func TestSendersRunAfterReceivers(t *testing.T) {
	proxy := newFakeProxy()
	release := make(chan struct{})
	order := make(chan string, 2)
	filter := &scripted{
		receive: func(*scripted, context.Context, api.HeaderMap, api.IoBuffer) api.StreamFilterStatus {
			<-release
			order <- "receiver"
			return api.StreamFilterContinue
		},
		send: func(*scripted, context.Context, api.HeaderMap, api.IoBuffer) api.StreamFilterStatus {
			order <- "sender"
			return api.StreamFilterContinue
		},
	}
	proxy.continued = make(chan envoyapi.StatusType, 2)
	stream := newStream(&chainConfig{factories: []configured{{factory: filter}}}, proxy)
	stream.DecodeHeaders(request(), true)
	if status := stream.EncodeHeaders(fakeMap(":status", "504"), true); status != envoyapi.Running {
		t.Fatalf("status %v", status)
	}
	close(release)
	if first, second := within(t, order, "first"), within(t, order, "second"); first != "receiver" || second != "sender" {
		t.Errorf("%s ran before %s", first, second)
	}
	within(t, proxy.continued, "Continue of the request")
	within(t, proxy.continued, "Continue of the response")
}
