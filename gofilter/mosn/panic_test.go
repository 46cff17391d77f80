package mosn

import (
	"context"
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
