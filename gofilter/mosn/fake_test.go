package mosn

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
)

// fakeProxy stands for the SDK's side of a stream: its calls panic when the stream is gone. What it
// does not offer panics on a nil interface.
type fakeProxy struct {
	envoyapi.FilterCallbackHandler
	mutex      sync.Mutex
	metadata   map[string]map[string]interface{}
	continued  chan envoyapi.StatusType
	panics     chan interface{}
	replies    []fakeReply
	answered   chan fakeReply // the first of replies
	added      []byte
	rerouted   int
	gone       atomic.Bool
	sdk        sync.Mutex    // the SDK's, of a request
	worker     chan struct{} // if there is one, reading metadata takes until it is closed
	waits      chan struct{} // for worker
	noProperty error
	properties int // that were asked for
	logged     []string
}

type fakeReply struct {
	code    int
	body    string
	headers map[string][]string
}

func newFakeProxy() *fakeProxy {
	return &fakeProxy{metadata: map[string]map[string]interface{}{}, continued: make(chan envoyapi.StatusType, 1), panics: make(chan interface{}, 8), answered: make(chan fakeReply, 1)}
}

func (p *fakeProxy) DecoderFilterCallbacks() envoyapi.DecoderFilterCallbacks { return p }
func (p *fakeProxy) EncoderFilterCallbacks() envoyapi.EncoderFilterCallbacks { return p }
func (p *fakeProxy) StreamInfo() envoyapi.StreamInfo                         { return fakeInfo{proxy: p} }

func (p *fakeProxy) GetProperty(key string) (string, error) {
	p.properties++
	if p.noProperty != nil {
		return "", p.noProperty
	}
	return "value of " + key, nil
}

func (p *fakeProxy) alive() {
	if p.gone.Load() {
		panic("request has been finished")
	}
}

func (p *fakeProxy) ClearRouteCache() {
	p.alive()
	p.rerouted++
}

func (p *fakeProxy) Continue(status envoyapi.StatusType) {
	p.alive()
	p.continued <- status
}

func (p *fakeProxy) AddData(data []byte, _ bool) {
	p.alive()
	p.added = append(p.added, data...)
}

func (p *fakeProxy) Log(level envoyapi.LogType, text string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.logged = append(p.logged, fmt.Sprint(level, " ", text))
}

func (p *fakeProxy) RecoverPanic() {
	if e := recover(); e != nil {
		p.panics <- e
	}
}

func (p *fakeProxy) SendLocalReply(code int, body string, headers map[string][]string, _ int64, _ string) {
	p.alive()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.replies = append(p.replies, fakeReply{code, body, headers})
	if len(p.replies) == 1 {
		p.answered <- p.replies[0]
	}
}

type fakeInfo struct {
	envoyapi.StreamInfo
	proxy *fakeProxy
}

func (i fakeInfo) DynamicMetadata() envoyapi.DynamicMetadata { return i }
func (i fakeInfo) Get(name string) map[string]interface{} {
	i.proxy.alive()
	i.proxy.sdk.Lock()
	defer i.proxy.sdk.Unlock()
	if i.proxy.worker != nil {
		i.proxy.waits <- struct{}{}
		<-i.proxy.worker
	}
	i.proxy.mutex.Lock()
	defer i.proxy.mutex.Unlock()
	return i.proxy.metadata[name]
}
func (i fakeInfo) Set(name, key string, value interface{}) {
	i.proxy.alive()
	i.proxy.mutex.Lock()
	defer i.proxy.mutex.Unlock()
	if i.proxy.metadata[name] == nil {
		i.proxy.metadata[name] = map[string]interface{}{}
	}
	i.proxy.metadata[name][key] = value
}

// text is a text of the proxy; the SDK's own mutex guards it.
func (i fakeInfo) text(value string) string {
	i.proxy.alive()
	i.proxy.sdk.Lock()
	defer i.proxy.sdk.Unlock()
	return value
}
func (i fakeInfo) Protocol() (string, bool)              { i.proxy.alive(); return "HTTP/1.1", true }
func (i fakeInfo) ResponseCode() (uint32, bool)          { i.proxy.alive(); return 0, false }
func (i fakeInfo) DownstreamRemoteAddress() string       { return i.text("192.0.2.1:1000") }
func (i fakeInfo) DownstreamLocalAddress() string        { return i.text("192.0.2.2:80") }
func (i fakeInfo) UpstreamClusterName() (string, bool)   { return i.text("site"), true }
func (i fakeInfo) UpstreamLocalAddress() (string, bool)  { return i.text(""), false }
func (i fakeInfo) UpstreamRemoteAddress() (string, bool) { return i.text("192.0.2.3:81"), true }

// fakeHeaders is a header map of the SDK, which copies the proxy's when it is used first. When they have
// left Go only the copy can be read.
type fakeHeaders struct {
	values map[string][]string
	copied bool
	left   atomic.Bool
}

func (h *fakeHeaders) copy() map[string][]string {
	if !h.copied && h.left.Load() {
		panic("not proccessing Go")
	}
	h.copied = true
	return h.values
}

// change is called behind the change of the copy, as in the SDK.
func (h *fakeHeaders) change() {
	if h.left.Load() {
		panic("not proccessing Go")
	}
}

func fakeMap(pairs ...string) *fakeHeaders {
	out := &fakeHeaders{values: map[string][]string{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		out.values[strings.ToLower(pairs[i])] = append(out.values[strings.ToLower(pairs[i])], pairs[i+1])
	}
	return out
}

func (h *fakeHeaders) GetRaw(key string) string { value, _ := h.Get(key); return value }
func (h *fakeHeaders) Get(key string) (string, bool) {
	if values := h.copy()[strings.ToLower(key)]; len(values) > 0 {
		return values[0], true
	}
	return "", false
}
func (h *fakeHeaders) Values(key string) []string { return h.copy()[strings.ToLower(key)] }
func (h *fakeHeaders) Set(key, value string) {
	h.copy()[strings.ToLower(key)] = []string{value}
	h.change()
}
func (h *fakeHeaders) Add(key, value string) {
	h.copy()[strings.ToLower(key)] = append(h.values[strings.ToLower(key)], value)
	h.change()
}
func (h *fakeHeaders) Del(key string) {
	delete(h.copy(), strings.ToLower(key))
	h.change()
}
func (h *fakeHeaders) Range(f func(key, value string) bool) {
	for key, values := range h.copy() {
		for _, value := range values {
			if !f(key, value) {
				return
			}
		}
	}
}
func (h *fakeHeaders) RangeWithCopy(f func(key, value string) bool) { h.Range(f) }
func (h *fakeHeaders) GetAllHeaders() map[string][]string           { return h.values }
func (h *fakeHeaders) Scheme() string                               { return h.GetRaw(":scheme") }
func (h *fakeHeaders) Method() string                               { return h.GetRaw(":method") }
func (h *fakeHeaders) Host() string                                 { return h.GetRaw(":authority") }
func (h *fakeHeaders) Path() string                                 { return h.GetRaw(":path") }
func (h *fakeHeaders) SetMethod(v string)                           { h.Set(":method", v) }
func (h *fakeHeaders) SetHost(v string)                             { h.Set(":authority", v) }
func (h *fakeHeaders) SetPath(v string)                             { h.Set(":path", v) }
func (h *fakeHeaders) Status() (int, bool)                          { return 200, true }

// fakeBuffer is a body of the SDK.
type fakeBuffer struct {
	envoyapi.BufferInstance
	bytes []byte
	sets  int
}

func (b *fakeBuffer) Bytes() []byte { return b.bytes }
func (b *fakeBuffer) Len() int      { return len(b.bytes) }
func (b *fakeBuffer) Set(bytes []byte) error {
	b.bytes = append([]byte(nil), bytes...)
	b.sets++
	return nil
}

// within fails the test if nothing comes; the time is but a guard against waiting for ever.
func within[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: nothing came", what)
		panic("unreachable")
	}
}
