package mosn

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	xds "github.com/cncf/xds/go/xds/type/v3"
	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"mosn.io/api"
	"mosn.io/pkg/buffer"
	"mosn.io/pkg/variable"
)

// scripted is a MOSN filter that does what a test says; it is written against mosn.io/api only.
type scripted struct {
	receive   func(f *scripted, ctx context.Context, headers api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus
	send      func(f *scripted, ctx context.Context, headers api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus
	phase     api.ReceiverFilterPhase
	receiver  api.StreamReceiverFilterHandler
	sender    api.StreamSenderFilterHandler
	destroyed int
}

func (f *scripted) OnReceive(ctx context.Context, headers api.HeaderMap, buf api.IoBuffer, _ api.HeaderMap) api.StreamFilterStatus {
	return f.receive(f, ctx, headers, buf)
}
func (f *scripted) Append(ctx context.Context, headers api.HeaderMap, buf api.IoBuffer, _ api.HeaderMap) api.StreamFilterStatus {
	return f.send(f, ctx, headers, buf)
}
func (f *scripted) SetReceiveFilterHandler(h api.StreamReceiverFilterHandler) { f.receiver = h }
func (f *scripted) SetSenderFilterHandler(h api.StreamSenderFilterHandler)    { f.sender = h }
func (f *scripted) OnDestroy()                                                { f.destroyed++ }

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
		config.factories = append(config.factories, configured{filter, true, headersOnly})
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
	select {
	case status := <-proxy.continued:
		if status != envoyapi.Continue {
			t.Errorf("continued with %v", status)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("never continued")
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
	select {
	case e := <-proxy.panics:
		if e != "broken filter" {
			t.Errorf("panic %v", e)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the panic was swallowed")
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
		"500  map[]": func(api.StreamReceiverFilterHandler) {}, // stopped without a reply
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

func TestTerminateStreamSaysWhetherItCameInTime(t *testing.T) {
	proxy := newFakeProxy()
	filter := &scripted{receive: func(*scripted, context.Context, api.HeaderMap, api.IoBuffer) api.StreamFilterStatus {
		return api.StreamFilterContinue
	}}
	newStream(inline(true, filter), proxy)
	if !filter.receiver.TerminateStream(503) {
		t.Error("refused on a living stream")
	}
	proxy.goneStream = true
	if filter.receiver.TerminateStream(503) {
		t.Error("accepted on a stream that has gone")
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

func TestVariablesAreTheRequestLine(t *testing.T) {
	proxy := newFakeProxy()
	filter := &scripted{receive: func(_ *scripted, ctx context.Context, h api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		if found := readLine(ctx); found != (requestLine{"/a", "b=c", "GET", "host.test"}) {
			t.Errorf("found %+v", found)
		}
		h.Range(func(key, _ string) bool {
			if strings.HasPrefix(key, ":") {
				t.Errorf("%s is listed", key)
			}
			return true
		})
		_ = variable.SetString(ctx, VarPath, "/other")
		_ = variable.SetString(ctx, VarHost, "else.test")
		return api.StreamFilterContinue
	}}
	headers := request()
	newStream(inline(true, filter), proxy).DecodeHeaders(headers, true)
	if headers.Path() != "/other?b=c" || headers.Host() != "else.test" || headers.Method() != "GET" {
		t.Errorf("found %s %s %s", headers.Method(), headers.Host(), headers.Path())
	}
	if proxy.rerouted != 1 {
		t.Errorf("the route was matched anew %d times", proxy.rerouted)
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

func TestRequestInfoKnowsTheAddresses(t *testing.T) {
	filter := &scripted{receive: func(f *scripted, ctx context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		info := f.receiver.RequestInfo()
		if found := fmt.Sprint(info.DownstreamRemoteAddress(), f.receiver.Connection().LocalAddr(), info.Protocol()); found != "192.0.2.1:1000 192.0.2.2:80Http1" {
			t.Errorf("found %s", found)
		}
		if name := f.receiver.Route().RouteRule().ClusterName(ctx); name != "site" {
			t.Errorf("cluster %q", name)
		}
		return api.StreamFilterContinue
	}}
	newStream(inline(true, filter), newFakeProxy()).DecodeHeaders(request(), true)
}

func typedStruct(t *testing.T, value map[string]interface{}) *anypb.Any {
	t.Helper()
	fields, err := structpb.NewStruct(value)
	if err != nil {
		t.Fatal(err)
	}
	out, err := anypb.New(&xds.TypedStruct{Value: fields})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestConfigurationIsMOSNs(t *testing.T) {
	api.RegisterStream("known", func(config map[string]interface{}) (api.StreamFilterChainFactory, error) {
		if config["bad"] == true {
			return nil, fmt.Errorf("bad is not allowed")
		}
		return &scripted{}, nil
	})
	entry := func(filter map[string]interface{}) map[string]interface{} {
		return map[string]interface{}{"stream_filters": []interface{}{filter}}
	}
	parsed, err := ConfigParser{}.Parse(typedStruct(t, entry(map[string]interface{}{"type": "known", "headers_only": true})), nil)
	if err != nil {
		t.Fatal(err)
	}
	if config := parsed.(*chainConfig); len(config.factories) != 1 || !config.factories[0].headersOnly || config.factories[0].nonBlocking {
		t.Errorf("found %+v", config)
	}
	for expected, filter := range map[string]map[string]interface{}{
		"stream_filters[0] (unknown)":  {"type": "unknown"},
		"stream_filters[0].type":       {},
		"bad is not allowed":           {"type": "known", "config": map[string]interface{}{"bad": true}},
		"stream_filters: json: cannot": {"type": 5.0},
	} {
		if _, err := (ConfigParser{}).Parse(typedStruct(t, entry(filter)), nil); err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("found %v, expected %q in it", err, expected)
		}
	}
	if _, err := (ConfigParser{}).Parse(&anypb.Any{}, nil); err == nil {
		t.Error("no configuration is accepted")
	}
	empty := &chainConfig{}
	if (ConfigParser{}).Merge(parsed, empty) != parsed || (ConfigParser{}).Merge(empty, parsed) != parsed {
		t.Error("a route's list does not take the place of the filter's")
	}
}
