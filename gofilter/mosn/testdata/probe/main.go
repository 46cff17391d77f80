// Command probe is the plugin "test" of tests/integration/mosn_test.go: a MOSN filter that does what the
// header x-mode says, and whose end and log panic. Every second stream of "broken" gets no filter.
package main

import (
	"context"
	"sync/atomic"
	"time"

	"mosn.io/api"
	"mosn.io/pkg/buffer"
	"mosn.io/pkg/variable"

	"github.com/moeproxy/moe/gofilter/mosn"
	"github.com/moeproxy/moe/gofilter/mosn/plugin"
)

type factory struct{ broken bool }

var streams atomic.Int64

func (f factory) CreateFilterChain(_ context.Context, callbacks api.StreamFilterChainFactoryCallbacks) {
	if streams.Add(1)%2 == 0 && f.broken {
		panic("broken factory")
	}
	made := &filter{}
	callbacks.AddStreamReceiverFilter(made, api.BeforeRoute)
	callbacks.AddStreamSenderFilter(made, api.BeforeSend)
	callbacks.AddStreamAccessLog(made)
}

type filter struct {
	handler api.StreamReceiverFilterHandler
}

func (f *filter) OnReceive(ctx context.Context, headers api.HeaderMap, _ api.IoBuffer, _ api.HeaderMap) api.StreamFilterStatus {
	switch mode, _ := headers.Get("X-Mode"); mode {
	case "later":
		go func() {
			time.Sleep(200 * time.Millisecond) // the service that it asks
			headers.Set("x-late", "1")
			mosn.MetadataOf(ctx).Set("test", "late", true)
			mosn.MetadataOf(ctx).Get("test")
			f.handler.(mosn.ReceiverContinuer).ContinueReceiving()
		}()
		return api.StreamFilterStop
	case "begin":
		f.handler.AppendHeaders(nil, false)
		f.handler.AppendData(buffer.NewIoBufferString("begun"), false)
	}
	return api.StreamFilterContinue
}

func (f *filter) Append(ctx context.Context, headers api.HeaderMap, _ api.IoBuffer, _ api.HeaderMap) api.StreamFilterStatus {
	path, _ := variable.GetString(ctx, mosn.VarPath)
	headers.Set("x-path", path)
	return api.StreamFilterContinue
}

func (f *filter) SetReceiveFilterHandler(handler api.StreamReceiverFilterHandler) {
	f.handler = handler
}
func (f *filter) SetSenderFilterHandler(api.StreamSenderFilterHandler) {}
func (f *filter) StopWaits()                                           {}
func (f *filter) OnDestroy()                                           { panic("broken end") }
func (f *filter) Log(context.Context, api.HeaderMap, api.HeaderMap, api.RequestInfo) {
	panic("broken log")
}

func init() {
	create := func(broken bool) api.StreamFilterFactoryCreator {
		return func(map[string]interface{}) (api.StreamFilterChainFactory, error) { return factory{broken}, nil }
	}
	plugin.Register("test", mosn.Filters{"probe": create(false), "broken": create(true),
		"refused": func(map[string]interface{}) (api.StreamFilterChainFactory, error) { panic("broken creator") }})
}

func main() {}
