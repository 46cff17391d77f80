package mosn

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
	"mosn.io/pkg/variable"
)

// A goroutine that the filter has started itself: a panic there would end the process.
func TestAFiltersOwnGoroutineOutlivesTheStream(t *testing.T) {
	proxy := newFakeProxy()
	gone := make(chan struct{})
	found := make(chan string, 1)
	filter := &scripted{receive: func(f *scripted, ctx context.Context, h api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		go func() {
			<-gone
			h.Set("x-late", "1")
			h.Add("x-late", "2")
			h.Del("x-late")
			h.Range(func(string, string) bool { return true })
			path, _ := variable.GetString(ctx, VarPath)
			_ = variable.SetString(ctx, VarPath, "/late")
			MetadataOf(ctx).Set("envoy.lb", "late", "1")
			info, rule := f.receiver.RequestInfo(), f.receiver.Route().RouteRule()
			f.receiver.SendHijackReply(403, nil)
			found <- fmt.Sprintf("%q %v %q %v %s %d %q %v %v", path, MetadataOf(ctx).Get("envoy.lb"),
				info.DownstreamRemoteAddress(), info.UpstreamHost(), info.Protocol(), info.ResponseCode(),
				rule.ClusterName(ctx), rule.MetadataMatchCriteria("x"), f.receiver.TerminateStream(500))
		}()
		return api.StreamFilterContinue
	}}
	stream := newStream(inline(true, filter), proxy)
	headers := request()
	stream.DecodeHeaders(headers, true)
	headers.left.Store(true)
	proxy.gone.Store(true)
	close(gone)
	if text, expected := within(t, found, "the goroutine's end"), `"" map[] "" <nil> Http1 0 "" [] false`; text != expected {
		t.Errorf("found %s, expected %s", text, expected)
	}
}

func TestAnAnswerForAStreamThatHasGoneIsDropped(t *testing.T) {
	proxy := newFakeProxy()
	filter := stopper{&scripted{receive: func(*scripted, context.Context, api.HeaderMap, api.IoBuffer) api.StreamFilterStatus {
		return api.StreamFilterStop
	}}}
	if status := newStream(&chainConfig{factories: []configured{{factory: filter}}}, proxy).DecodeHeaders(request(), true); status != envoyapi.Running {
		t.Fatalf("status %v, expected to wait", status)
	}
	proxy.gone.Store(true)
	filter.receiver.SendHijackReply(403, nil)
	if len(proxy.replies) != 0 {
		t.Errorf("replies %v", proxy.replies)
	}
}

// stopper says by methods what an operator can say in the configuration.
type stopper struct{ *scripted }

func (stopper) StopWaits()   {}
func (stopper) NonBlocking() {}
func (stopper) HeadersOnly() {}

func (s stopper) CreateFilterChain(_ context.Context, callbacks api.StreamFilterChainFactoryCallbacks) {
	callbacks.AddStreamReceiverFilter(s, s.phase)
}

func TestTheWordsForTooLateAreTheSDKs(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/envoyproxy/envoy").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "contrib/golang/filters/http/source/go/pkg/http/type.go"))
	if err != nil {
		t.Fatal(err)
	}
	for text := range tooLate {
		if !strings.Contains(string(source), "= \""+text+"\"\n") {
			t.Errorf("the SDK does not panic with %q", text)
		}
	}
}

func TestOtherPanicsAreNotPardoned(t *testing.T) {
	for _, e := range []interface{}{"broken filter", []string{"broken"}} {
		func() {
			defer func() {
				if found := recover(); !reflect.DeepEqual(found, e) {
					t.Errorf("found %v, expected %v", found, e)
				}
			}()
			defer pardon()
			panic(e)
		}()
	}
}

func TestASenderReadsTheRequestThatHasLeft(t *testing.T) {
	filter := &scripted{send: func(f *scripted, ctx context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		if path, err := variable.GetString(ctx, VarPath); path != "/a" {
			t.Errorf("found %q (%v)", path, err)
		}
		if err := variable.SetString(ctx, VarPath, "/late"); err != nil {
			t.Error(err)
		}
		return api.StreamFilterContinue
	}}
	stream := newStream(inline(true, filter), newFakeProxy())
	headers := request()
	stream.DecodeHeaders(headers, true)
	headers.left.Store(true)
	if status := stream.EncodeHeaders(fakeMap(":status", "200"), true); status != envoyapi.Continue {
		t.Errorf("status %v", status)
	}
}

// The SDK holds its mutex while a goroutine waits for the worker to read metadata. The worker must not
// wait for that mutex when it ends the stream.
func TestTheLogDoesNotWaitForMetadata(t *testing.T) {
	proxy := newFakeProxy()
	proxy.worker, proxy.waits = make(chan struct{}), make(chan struct{}, 2)
	read := make(chan struct{}, 1)
	filter := &scripted{receive: func(_ *scripted, ctx context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		go func() {
			MetadataOf(ctx).Get("envoy.lb")
			read <- struct{}{}
		}()
		return api.StreamFilterContinue
	}}
	log := logger{lines: make(chan string, 1)}
	config := inline(true, filter)
	config.factories = append(config.factories, configured{factory: log})
	stream := newStream(config, proxy)
	stream.DecodeHeaders(request(), true)
	within(t, proxy.waits, "the reading of metadata")
	go stream.OnLog(request("x-h", "v"), nil, nil, nil)
	if line := within(t, log.lines, "the log"); line != "v 192.0.2.1:1000 false" {
		t.Errorf("found %q", line)
	}
	if found := (metadata{stream}).Get("envoy.lb"); found != nil {
		t.Errorf("the log was given %v", found)
	}
	close(proxy.worker)
	within(t, read, "the end of the reading")
}

func TestAProxyWithoutPropertiesIsAskedOnce(t *testing.T) {
	t.Cleanup(func() { noProperties.Store(false) })
	for _, test := range []struct {
		err   error
		calls int
	}{{envoyapi.ErrValueNotFound, 2}, {envoyapi.ErrInternalFailure, 1}} {
		proxy := newFakeProxy()
		proxy.noProperty = test.err
		for range 2 {
			receiving(t, proxy, request(), func(f *scripted, _ context.Context) {
				if name := f.receiver.Route().RouteRule().VirtualHost().Name(); name != "" {
					t.Errorf("found %q", name)
				}
			})
		}
		if proxy.properties != test.calls {
			t.Errorf("%v: asked %d times, expected %d", test.err, proxy.properties, test.calls)
		}
	}
}

func TestAFilterThatMayBlockMayDoSoWhenItIsDestroyed(t *testing.T) {
	filter := setting("x-set")
	release, destroyed := make(chan struct{}), make(chan struct{})
	filter.onDestroy = func() {
		<-release
		close(destroyed)
	}
	proxy := newFakeProxy()
	stream := newStream(&chainConfig{factories: []configured{{factory: filter}}}, proxy)
	stream.DecodeHeaders(request(), true)
	within(t, proxy.continued, "Continue")
	returned := make(chan struct{})
	go func() {
		stream.OnDestroy(envoyapi.Normal)
		close(returned)
	}()
	within(t, returned, "the proxy's thread")
	close(release)
	within(t, destroyed, "OnDestroy")
}
