package mosn

import (
	"context"
	"strings"
	"testing"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
)

// The client has gone, and OnDestroy has not come yet: going on touches a stream that is no more.
func TestGoingOnWithAStreamThatHasGoneIsRecovered(t *testing.T) {
	proxy := newFakeProxy()
	stops := &scripted{receive: func(_ *scripted, _ context.Context, h api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		h.Set("x-changed", "1") // the route is to be matched anew
		return api.StreamFilterStop
	}}
	stream := newStream(waitingFor(true, stops), proxy)
	if status := stream.DecodeHeaders(request(), true); status != envoyapi.Running {
		t.Fatalf("status %v", status)
	}
	proxy.gone.Store(true)
	stops.receiver.(ReceiverContinuer).ContinueReceiving()
	if e := within(t, proxy.panics, "the panic"); e != "request has been finished" {
		t.Errorf("panic %v", e)
	}
}

func TestNothingCanBeTerminatedAfterAPanic(t *testing.T) {
	proxy := newFakeProxy()
	filter := &scripted{receive: func(*scripted, context.Context, api.HeaderMap, api.IoBuffer) api.StreamFilterStatus {
		panic("broken filter")
	}}
	newStream(&chainConfig{factories: []configured{{factory: filter}}}, proxy).DecodeHeaders(request(), true)
	within(t, proxy.panics, "the panic")
	if filter.receiver.TerminateStream(403) {
		t.Error("terminated what the SDK has answered with 500")
	}
}

// makes is a factory.
type makes func(callbacks api.StreamFilterChainFactoryCallbacks)

func (m makes) CreateFilterChain(_ context.Context, callbacks api.StreamFilterChainFactoryCallbacks) {
	m(callbacks)
}

func TestAFactorysPanicIsRaisedWhereTheSDKAnswers(t *testing.T) {
	proxy := newFakeProxy()
	first := setting("x-set")
	first.send = first.receive
	config := inline(true, first)
	config.factories = append(config.factories, configured{name: "worn", factory: makes(func(api.StreamFilterChainFactoryCallbacks) {
		panic("request has been finished") // such a text the SDK would not answer
	})})
	stream := newStream(config, proxy)
	headers := request()
	func() {
		defer proxy.RecoverPanic()
		stream.DecodeHeaders(headers, true)
	}()
	expected := `MOSN: the factory of "worn" panicked: request has been finished`
	if e := within(t, proxy.panics, "the panic"); e != expected {
		t.Errorf("found %v, expected %s", e, expected)
	}
	if len(proxy.logged) != 1 || !strings.Contains(proxy.logged[0], expected) || !strings.Contains(proxy.logged[0], "panic_test.go") {
		t.Errorf("found %v, expected one line with the place", proxy.logged)
	}
	response := fakeMap(":status", "500")
	if status := stream.EncodeHeaders(response, true); status != envoyapi.Continue {
		t.Errorf("the answer's headers gave %v", status)
	}
	if len(response.values) != 1 {
		t.Errorf("a filter of half a chain ran: %v", response.values)
	}
	if stream.OnDestroy(envoyapi.Normal); first.destroyed != 2 {
		t.Errorf("the filter that was made is destroyed %d times, expected 2: for each direction", first.destroyed)
	}
}

func TestAPanicAtTheEndConcernsOneFilter(t *testing.T) {
	proxy := newFakeProxy()
	breaks, works := setting("x-1"), setting("x-2")
	breaks.onDestroy = func() { panic("broken end") }
	log := logger{lines: make(chan string, 1)}
	config := inline(true, breaks, works)
	config.factories = append(config.factories, configured{factory: makes(func(callbacks api.StreamFilterChainFactoryCallbacks) {
		callbacks.AddStreamAccessLog(brokenLog{})
	})}, configured{factory: log})
	stream := newStream(config, proxy)
	stream.DecodeHeaders(request(), true)
	stream.OnLog(request("x-h", "v"), nil, nil, nil)
	within(t, log.lines, "the second log")
	stream.OnDestroy(envoyapi.Normal)
	if works.destroyed != 1 {
		t.Errorf("the filter behind is destroyed %d times", works.destroyed)
	}
	if len(proxy.logged) != 2 || !strings.Contains(proxy.logged[0], "Log of a mosn.brokenLog panicked: broken log") ||
		!strings.Contains(proxy.logged[1], "OnDestroy of a *mosn.scripted panicked: broken end") {
		t.Errorf("logged %v", proxy.logged)
	}
}

type brokenLog struct{}

func (brokenLog) Log(context.Context, api.HeaderMap, api.HeaderMap, api.RequestInfo) {
	panic("broken log")
}
