package mosn

import (
	"context"
	"fmt"
	"testing"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
	"mosn.io/pkg/buffer"
)

// begin begins a reply and does not say that it ends.
func begin(h api.StreamReceiverFilterHandler) {
	h.AppendHeaders(plainHeaders{":status": {"403"}, "x-why": {"because"}}, false)
	h.AppendData(buffer.NewIoBufferString("no "), false)
}

func TestAReplyThatWasBegunIsTheReply(t *testing.T) {
	for _, status := range []api.StreamFilterStatus{api.StreamFilterStop, api.StreamFilterContinue, api.StreamFiltertermination} {
		proxy := newFakeProxy()
		filter := &scripted{receive: func(f *scripted, _ context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
			begin(f.receiver)
			return status
		}}
		next := setting("x-next")
		headers := request()
		if found := newStream(inline(true, filter, next), proxy).DecodeHeaders(headers, true); found != envoyapi.LocalReply {
			t.Errorf("%s: status %v", status, found)
		}
		if found := fmt.Sprint(proxy.replies); found != "[{403 no  map[x-why:[because]]}]" {
			t.Errorf("%s: replies %s", status, found)
		}
		if _, ok := headers.Get("x-next"); ok {
			t.Errorf("%s: the next filter ran", status)
		}
	}
}

func TestAReplyThatWasBegunWaitsForItsRest(t *testing.T) {
	for expected, end := range map[string]func(h api.StreamReceiverFilterHandler){
		"no way": func(h api.StreamReceiverFilterHandler) { h.AppendData(buffer.NewIoBufferString("way"), true) },
		"no ":    func(h api.StreamReceiverFilterHandler) { h.(ReceiverContinuer).ContinueReceiving() },
	} {
		for _, early := range []bool{true, false} { // before the filter returns, or after
			proxy := newFakeProxy()
			filter := &scripted{receive: func(f *scripted, _ context.Context, _ api.HeaderMap, _ api.IoBuffer) api.StreamFilterStatus {
				if begin(f.receiver); early {
					end(f.receiver)
				}
				return api.StreamFilterStop
			}}
			headers := request()
			status := newStream(waitingFor(true, filter, setting("x-next")), proxy).DecodeHeaders(headers, true)
			if !early {
				if status != envoyapi.Running || len(proxy.answered) != 0 {
					t.Fatalf("%q: status %v before the end", expected, status)
				}
				end(filter.receiver)
			}
			if found := within(t, proxy.answered, "the answer"); found.code != 403 || found.body != expected {
				t.Errorf("early %v: found %+v, expected %q", early, found, expected)
			}
			if _, ok := headers.Get("x-next"); ok {
				t.Errorf("%q: the next filter ran", expected)
			}
		}
	}
}
