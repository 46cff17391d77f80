package mosn

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
	"mosn.io/pkg/buffer"
)

// scripted is a MOSN filter that does what a test says; it is written against mosn.io/api only.
type scripted struct {
	receive   func(f *scripted, ctx context.Context, headers api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus
	send      func(f *scripted, ctx context.Context, headers api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus
	phase     api.ReceiverFilterPhase
	trailers  api.HeaderMap // that it was given last
	receiver  api.StreamReceiverFilterHandler
	sender    api.StreamSenderFilterHandler
	destroyed int
	onDestroy func()
}

func (f *scripted) OnReceive(ctx context.Context, headers api.HeaderMap, buf api.IoBuffer, trailers api.HeaderMap) api.StreamFilterStatus {
	f.trailers = trailers
	return f.receive(f, ctx, headers, buf)
}
func (f *scripted) Append(ctx context.Context, headers api.HeaderMap, buf api.IoBuffer, trailers api.HeaderMap) api.StreamFilterStatus {
	f.trailers = trailers
	return f.send(f, ctx, headers, buf)
}
func (f *scripted) SetReceiveFilterHandler(h api.StreamReceiverFilterHandler) { f.receiver = h }
func (f *scripted) SetSenderFilterHandler(h api.StreamSenderFilterHandler)    { f.sender = h }
func (f *scripted) OnDestroy() {
	f.destroyed++
	if f.onDestroy != nil {
		f.onDestroy()
	}
}

func (f *scripted) CreateFilterChain(_ context.Context, callbacks api.StreamFilterChainFactoryCallbacks) {
	if f.receive != nil {
		callbacks.AddStreamReceiverFilter(f, f.phase)
	}
	if f.send != nil {
		callbacks.AddStreamSenderFilter(f, api.BeforeSend)
	}
}

// inline makes a configuration in which the operator vouches for the filters.
func inline(headersOnly bool, filters ...*scripted) *chainConfig {
	config := &chainConfig{}
	for _, filter := range filters {
		config.factories = append(config.factories, configured{"filter", filter, traits{nonBlocking: true, headersOnly: headersOnly}})
	}
	return config
}

func request(pairs ...string) *fakeHeaders {
	return fakeMap(append([]string{":method", "GET", ":path", "/a?b=c", ":authority", "host.test", ":scheme", "http"}, pairs...)...)
}

func TestAReceiverEditsHeadersAndSetsMetadata(t *testing.T) {
	proxy := newFakeProxy()
	filter := &scripted{receive: func(f *scripted, ctx context.Context, h api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus {
		if data != nil {
			t.Error("a request without a body has one")
		}
		h.Set("x-set", "1")
		h.Del("x-gone")
		MetadataOf(ctx).Set("envoy.lb", "site", "s1")
		return api.StreamFilterContinue
	}}
	stream := newStream(inline(true, filter), proxy)
	headers := request("x-gone", "1")
	if status := stream.DecodeHeaders(headers, false); status != envoyapi.Continue {
		t.Fatalf("status %v", status)
	}
	if value, _ := headers.Get("x-set"); value != "1" {
		t.Errorf("x-set is %q", value)
	}
	if _, ok := headers.Get("x-gone"); ok {
		t.Error("x-gone is still there")
	}
	if proxy.metadata["envoy.lb"]["site"] != "s1" {
		t.Errorf("metadata %v", proxy.metadata)
	}
	if proxy.rerouted != 1 {
		t.Errorf("the route was matched anew %d times, expected once: headers changed before routing", proxy.rerouted)
	}
	stream.OnDestroy(envoyapi.Normal)
	if filter.destroyed != 1 {
		t.Errorf("destroyed %d times", filter.destroyed)
	}
}

func TestAReceiverReadsAndRewritesTheBody(t *testing.T) {
	for name, rewrite := range map[string]func(f *scripted, data api.IoBuffer){
		"in place": func(_ *scripted, data api.IoBuffer) {
			text := strings.ToUpper(data.String())
			data.Reset()
			_, _ = data.WriteString(text)
		},
		"by another buffer": func(f *scripted, data api.IoBuffer) {
			f.receiver.SetRequestData(buffer.NewIoBufferString(strings.ToUpper(data.String())))
		},
	} {
		filter := &scripted{receive: func(f *scripted, _ context.Context, _ api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus {
			rewrite(f, data)
			return api.StreamFilterContinue
		}}
		stream := newStream(inline(false, filter), newFakeProxy())
		if status := stream.DecodeHeaders(request(), false); status != envoyapi.StopAndBuffer {
			t.Fatalf("%s: headers gave %v, expected to wait for the body", name, status)
		}
		body := &fakeBuffer{bytes: []byte("quiet")}
		if status := stream.DecodeData(body, true); status != envoyapi.Continue {
			t.Fatalf("%s: %v", name, status)
		}
		if string(body.bytes) != "QUIET" {
			t.Errorf("%s: the body is %q", name, body.bytes)
		}
	}
}

func TestABodyThatIsOnlyReadIsNotWritten(t *testing.T) {
	filter := &scripted{receive: func(_ *scripted, _ context.Context, _ api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus {
		_ = data.Bytes()
		return api.StreamFilterContinue
	}}
	stream := newStream(inline(false, filter), newFakeProxy())
	stream.DecodeHeaders(request(), false)
	body := &fakeBuffer{bytes: bytes.Repeat([]byte("x"), 1000)}
	stream.DecodeData(body, true)
	if body.sets != 0 {
		t.Errorf("written %d times", body.sets)
	}
}

func TestAFilterThatMayBlockRunsElsewhere(t *testing.T) {
	proxy := newFakeProxy()
	release := make(chan struct{})
	filter := &scripted{receive: func(_ *scripted, _ context.Context, h api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		<-release
		h.Set("x-late", "1")
		return api.StreamFilterContinue
	}}
	stream := newStream(&chainConfig{factories: []configured{{factory: filter}}}, proxy)
	headers := request()
	if status := stream.DecodeHeaders(headers, true); status != envoyapi.Running {
		t.Fatalf("status %v, expected the proxy to go on meanwhile", status)
	}
	close(release)
	if status := within(t, proxy.continued, "Continue"); status != envoyapi.Continue {
		t.Errorf("continued with %v", status)
	}
	if value, _ := headers.Get("x-late"); value != "1" {
		t.Error("the edit is lost")
	}
}

func TestAPanicOnAGoroutineReachesTheSDK(t *testing.T) {
	proxy := newFakeProxy()
	filter := &scripted{receive: func(*scripted, context.Context, api.HeaderMap, api.IoBuffer) api.StreamFilterStatus {
		panic("broken filter")
	}}
	newStream(&chainConfig{factories: []configured{{factory: filter}}}, proxy).DecodeHeaders(request(), true)
	if e := within(t, proxy.panics, "the panic"); e != "broken filter" {
		t.Errorf("panic %v", e)
	}
}

func TestAReplyEndsTheChain(t *testing.T) {
	replies := map[string]func(h api.StreamReceiverFilterHandler){
		"403  map[x-why:[because]]": func(h api.StreamReceiverFilterHandler) {
			h.SendHijackReply(403, plainHeaders{"x-why": {"because"}})
		},
		"429 slow down map[]": func(h api.StreamReceiverFilterHandler) { h.SendHijackReplyWithBody(429, nil, "slow down") },
		"201 made map[]": func(h api.StreamReceiverFilterHandler) {
			h.SendDirectResponse(plainHeaders{":status": {"201"}}, buffer.NewIoBufferString("made"), nil)
		},
		"200 in pieces map[]": func(h api.StreamReceiverFilterHandler) {
			h.AppendHeaders(plainHeaders{}, false)
			h.AppendData(buffer.NewIoBufferString("in "), false)
			h.AppendData(buffer.NewIoBufferString("pieces"), true)
		},
		"418 text map[x-trailered:[yes]]": func(h api.StreamReceiverFilterHandler) {
			h.AppendHeaders(plainHeaders{":status": {"418"}, "x-trailered": {"yes"}, "content-length": {"9"}}, false)
			h.AppendData(buffer.NewIoBufferString("text"), false)
			h.AppendTrailers(plainHeaders{})
		},
		"401  map[]": func(h api.StreamReceiverFilterHandler) { // the request's headers are not sent back
			h.SendHijackReply(401, h.GetRequestHeaders())
		},
		"504  map[]": func(h api.StreamReceiverFilterHandler) {
			if !h.TerminateStream(504) {
				t.Error("refused while the filter works")
			}
		},
	}
	for expected, reply := range replies {
		proxy := newFakeProxy()
		first := &scripted{receive: func(f *scripted, _ context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
			reply(f.receiver)
			return api.StreamFilterStop
		}}
		second := &scripted{receive: func(*scripted, context.Context, api.HeaderMap, api.IoBuffer) api.StreamFilterStatus {
			t.Error("the next filter ran")
			return api.StreamFilterContinue
		}}
		if status := newStream(inline(true, first, second), proxy).DecodeHeaders(request(), true); status != envoyapi.LocalReply {
			t.Errorf("%s: status %v", expected, status)
		}
		if len(proxy.replies) != 1 {
			t.Fatalf("%s: replies %v", expected, proxy.replies)
		}
		if found := fmt.Sprint(proxy.replies[0].code, " ", proxy.replies[0].body, " ", proxy.replies[0].headers); found != expected {
			t.Errorf("found %q, expected %q", found, expected)
		}
	}
}

func TestPhasesOrderTheReceivers(t *testing.T) {
	var order []string
	step := func(name string, phase api.ReceiverFilterPhase) *scripted {
		return &scripted{phase: phase, receive: func(f *scripted, _ context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
			if f.receiver.GetFilterCurrentPhase() != phase {
				t.Errorf("%s is told phase %v", name, f.receiver.GetFilterCurrentPhase())
			}
			order = append(order, name)
			return api.StreamFilterContinue
		}}
	}
	config := inline(true, step("host", api.AfterChooseHost), step("before", api.BeforeRoute), step("after", api.AfterRoute), step("before 2", api.BeforeRoute))
	newStream(config, newFakeProxy()).DecodeHeaders(request(), true)
	if expected := []string{"before", "before 2", "after", "host"}; !reflect.DeepEqual(order, expected) {
		t.Errorf("found %v, expected %v", order, expected)
	}
}

func TestASenderRewritesTheResponse(t *testing.T) {
	filter := &scripted{send: func(f *scripted, _ context.Context, h api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus {
		h.Set("x-sent", "1")
		f.sender.SetResponseData(buffer.NewIoBufferString(fmt.Sprintf("%d bytes", data.Len())))
		return api.StreamFilterContinue
	}}
	stream := newStream(inline(false, filter), newFakeProxy())
	if status := stream.DecodeHeaders(request(), true); status != envoyapi.Continue {
		t.Fatalf("no receiver, and still %v", status)
	}
	headers := fakeMap(":status", "200")
	if status := stream.EncodeHeaders(headers, false); status != envoyapi.StopAndBuffer {
		t.Fatalf("status %v", status)
	}
	body := &fakeBuffer{bytes: []byte("12345")}
	if status := stream.EncodeData(body, true); status != envoyapi.Continue {
		t.Fatalf("status %v", status)
	}
	if value, _ := headers.Get("x-sent"); value != "1" || string(body.bytes) != "5 bytes" {
		t.Errorf("header %q, body %q", value, body.bytes)
	}
}
