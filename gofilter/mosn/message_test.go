package mosn

import (
	"context"
	"fmt"
	"strings"
	"testing"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
	"mosn.io/pkg/buffer"
)

func TestTrailersComeWithTheWholeBody(t *testing.T) {
	for name, encodes := range map[string]bool{"request": false, "response": true} {
		proxy := newFakeProxy()
		seen := ""
		work := func(f *scripted, _ context.Context, h api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus {
			value, _ := f.trailers.Get("x-sum")
			seen = data.String() + " " + value
			f.trailers.Set("x-sum", "changed")
			h.Set("x-header", "1")
			return api.StreamFilterContinue
		}
		filter := &scripted{}
		headers := request("content-length", "4")
		trailers := fakeMap("x-sum", "7")
		var statuses []envoyapi.StatusType
		if encodes {
			filter.send = work
			stream := newStream(inline(false, filter), proxy)
			stream.DecodeHeaders(request(), true)
			statuses = append(statuses, stream.EncodeHeaders(headers, false), stream.EncodeData(&fakeBuffer{bytes: []byte("body")}, false), stream.EncodeTrailers(trailers))
		} else {
			filter.receive = work
			stream := newStream(inline(false, filter), proxy)
			statuses = append(statuses, stream.DecodeHeaders(headers, false), stream.DecodeData(&fakeBuffer{bytes: []byte("body")}, false), stream.DecodeTrailers(trailers))
		}
		if found, expected := fmt.Sprint(statuses), fmt.Sprint([]envoyapi.StatusType{envoyapi.StopAndBuffer, envoyapi.StopNoBuffer, envoyapi.Continue}); found != expected {
			t.Errorf("%s: statuses %s, expected %s", name, found, expected)
		}
		if seen != "body 7" {
			t.Errorf("%s: the filter was given %q", name, seen)
		}
		if string(proxy.added) != "body" {
			t.Errorf("%s: the proxy was given back %q", name, proxy.added)
		}
		if value, _ := trailers.Get("x-sum"); value != "changed" {
			t.Errorf("%s: the trailer is %q", name, value)
		}
		if value, _ := headers.Get("content-length"); value != "4" {
			t.Errorf("%s: content-length is %s", name, value)
		}
	}
}

func TestTrailersWithoutABodyDoNotPassUnseen(t *testing.T) {
	ran := false
	filter := &scripted{receive: func(f *scripted, _ context.Context, _ api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus {
		ran = data == nil && f.trailers != nil
		f.receiver.SetRequestTrailers(plainHeaders{"x-other": {"1"}})
		return api.StreamFilterContinue
	}}
	stream := newStream(inline(false, filter), newFakeProxy())
	stream.DecodeHeaders(request(), false)
	trailers := fakeMap("x-sum", "7")
	if status := stream.DecodeTrailers(trailers); status != envoyapi.Continue || !ran {
		t.Errorf("status %v, ran %v", status, ran)
	}
	if len(trailers.values) != 1 || trailers.values["x-other"] == nil {
		t.Errorf("trailers %v", trailers.values)
	}
	if filter.receiver.SetRequestTrailers(nil); len(trailers.values) != 0 {
		t.Errorf("trailers %v, expected none", trailers.values)
	}
}

func TestAStreamedBodyIsGatheredToo(t *testing.T) {
	filter := &scripted{receive: func(_ *scripted, _ context.Context, _ api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus {
		if data.String() != "one two" {
			t.Errorf("found %q", data.String())
		}
		return api.StreamFilterContinue
	}}
	stream := newStream(inline(false, filter), newFakeProxy())
	stream.DecodeHeaders(request(), false)
	if status := stream.DecodeData(&fakeBuffer{bytes: []byte("one ")}, false); status != envoyapi.StopNoBuffer {
		t.Fatalf("status %v", status)
	}
	last := &fakeBuffer{bytes: []byte("two")}
	if status := stream.DecodeData(last, true); status != envoyapi.Continue || string(last.bytes) != "one two" {
		t.Errorf("status %v, body %q", status, last.bytes)
	}
}

func TestTheLengthFollowsTheBody(t *testing.T) {
	for text, expected := range map[string]string{"longer than before": "18", "": "0"} {
		filter := &scripted{receive: func(f *scripted, _ context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
			f.receiver.SetRequestData(buffer.NewIoBufferString(text))
			return api.StreamFilterContinue
		}}
		stream := newStream(inline(false, filter), newFakeProxy())
		headers := request("content-length", "3")
		stream.DecodeHeaders(headers, false)
		body := &fakeBuffer{bytes: []byte("abc")}
		stream.DecodeData(body, true)
		if found, _ := headers.Get("content-length"); found != expected || string(body.bytes) != text {
			t.Errorf("length %s and body %q, expected %s and %q", found, body.bytes, expected, text)
		}
	}
}

func TestARequestWithoutABodyCanBeGivenOne(t *testing.T) {
	proxy := newFakeProxy()
	first := &scripted{receive: func(f *scripted, _ context.Context, _ api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus {
		if data != nil || f.receiver.GetRequestData() != nil || f.receiver.GetRequestTrailers() != nil || f.trailers != nil {
			t.Error("a body or trailers from nowhere")
		}
		f.receiver.SetRequestData(buffer.NewIoBufferString("made"))
		return api.StreamFilterContinue
	}}
	second := &scripted{receive: func(_ *scripted, _ context.Context, _ api.HeaderMap, data api.IoBuffer) api.StreamFilterStatus {
		_, _ = data.WriteString(" up")
		return api.StreamFilterContinue
	}}
	if status := newStream(inline(false, first, second), proxy).DecodeHeaders(request(), true); status != envoyapi.Continue {
		t.Fatalf("status %v", status)
	}
	if string(proxy.added) != "made up" {
		t.Errorf("the body is %q", proxy.added)
	}
}

func TestHeadersOnlyFiltersDoNotHoldTheBody(t *testing.T) {
	stream := newStream(inline(true, setting("x-set")), newFakeProxy())
	if status := stream.DecodeHeaders(request(), false); status != envoyapi.Continue {
		t.Fatalf("status %v", status)
	}
	body := &fakeBuffer{bytes: []byte("passes")}
	if status := stream.DecodeData(body, false); status != envoyapi.Continue || body.sets != 0 {
		t.Errorf("status %v", status)
	}
	if status := stream.DecodeTrailers(fakeMap()); status != envoyapi.Continue {
		t.Errorf("status %v", status)
	}
}

func TestABodyThatPassesByCannotBeSet(t *testing.T) {
	proxy := newFakeProxy()
	filter := &scripted{receive: func(f *scripted, _ context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
		f.receiver.SetRequestData(buffer.NewIoBufferString("other"))
		return api.StreamFilterContinue
	}}
	headers := request("content-length", "6")
	if status := newStream(inline(true, filter), proxy).DecodeHeaders(headers, false); status != envoyapi.Continue {
		t.Fatalf("status %v", status)
	}
	if length, _ := headers.Get("content-length"); len(proxy.added) != 0 || length != "6" || len(proxy.logged) != 1 {
		t.Errorf("%q goes before the body, the length is %s, logged %v", proxy.added, length, proxy.logged)
	}
}

func TestHeaderMapsAreMOSNs(t *testing.T) {
	under := request("x-a", "1", "x-a", "2")
	h := &headers{HeaderMap: under, request: true}
	if host, _ := h.Get("Host"); host != "host.test" {
		t.Errorf("host %q", host)
	}
	h.Set("Host", "other.test")
	h.Add(":path", "/b")
	if under.Host() != "other.test" || under.Path() != "/b" || len(under.Values(":path")) != 1 {
		t.Errorf("found %v", under.values)
	}
	if size := h.ByteSize(); size != uint64(2*len("x-a")+2) {
		t.Errorf("size %d", size)
	}
	clone := h.Clone()
	clone.Set("X-A", "3")
	if value, _ := h.Get("x-a"); value != "1" {
		t.Error("the clone shares its values")
	}
	if value, _ := clone.Get("x-a"); value != "3" {
		t.Errorf("the clone has %q", value)
	}
	for name, expected := range map[string]string{"Host": "other.test", ":path": "/b"} {
		if value, _ := clone.Get(name); value != expected {
			t.Errorf("the clone has %s %q", name, value)
		}
	}
	clone.Range(func(key, _ string) bool {
		if key != "x-a" {
			t.Errorf("the clone lists %s", key)
		}
		return true
	})
	clone.Set("host", "third.test")
	clone.Add("x-a", "4")
	h.replaceBy(clone)
	clone.Add("x-a", "5") // it was copied
	if under.Host() != "third.test" || under.Path() != "/b" || fmt.Sprint(under.Values("x-a")) != "[3 4]" {
		t.Errorf("replaced by %v", under.values)
	}
	h.replaceBy(plainHeaders{"x-b": {"1", "2"}})
	if fmt.Sprint(under.Values("x-b")) != "[1 2]" || under.Values("x-a") != nil || under.Path() != "/b" {
		t.Errorf("replaced by %v", under.values)
	}
	count := 0
	h.Range(func(key, _ string) bool {
		count++
		return !strings.HasPrefix(key, "x-")
	})
	if count != 1 {
		t.Errorf("Range went on, %d calls", count)
	}
}
