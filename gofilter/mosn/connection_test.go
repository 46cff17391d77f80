package mosn

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
)

func TestTheConnectionKnowsAddressesAndLeavesTheRestAlone(t *testing.T) {
	receiving(t, newFakeProxy(), request(), func(f *scripted, ctx context.Context) {
		c := f.receiver.Connection()
		for name, err := range map[string]error{"Write": c.Write(), "Close": c.Close(api.NoFlush, api.LocalClose)} {
			if !errors.Is(err, errProxysConnection) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if c.RawConn() != nil || c.TLS() != nil || c.FilterManager() != nil || c.GetReadBuffer() != nil || c.GetWriteBuffer() != nil ||
			c.ID() != 0 || c.NextProtocol() != "" || c.BufferLimit() != 0 || c.LocalAddressRestored() {
			t.Error("the connection knows more than its addresses")
		}
		if c.State() != api.ConnActive || !c.ReadEnabled() {
			t.Error("the connection is not at work")
		}
		c.Start(ctx)
		c.OnRead(nil)
		c.SetNoDelay(true)
		c.SetReadDisable(true)
		c.SetBufferLimit(1)
		c.OnConnectionEvent(api.LocalClose)
		c.AddBytesReadListener(nil)
		c.AddBytesSentListener(nil)
		c.SetTransferEventListener(nil)
		c.SetCollector(nil, nil)
		c.SetIdleTimeout(time.Second, time.Second)
		c.AddConnectionEventListener(nil)
		if found := c.RemoteAddr().String() + " " + c.LocalAddr().String(); found != "192.0.2.1:1000 192.0.2.2:80" {
			t.Errorf("addresses %s", found)
		}
		c.SetRemoteAddr(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 9}) // by a filter that trusts a header
		if found := f.receiver.RequestInfo().DownstreamRemoteAddress().String(); found != "192.0.2.9:9" {
			t.Errorf("the other filters see %s", found)
		}
	})
}

func TestOfTheRouteOnlyNamesAreKnown(t *testing.T) {
	receiving(t, newFakeProxy(), request(), func(f *scripted, _ context.Context) {
		route := f.receiver.Route()
		if route.DirectResponseRule() != nil || route.RedirectRule() != nil {
			t.Error("rules that only MOSN has")
		}
		rule := route.RouteRule()
		if rule.Policy() != nil || rule.PerFilterConfig() != nil || rule.PathMatchCriterion() != nil || rule.HeaderMatchCriteria() != nil ||
			rule.GlobalTimeout() != 0 || rule.UpstreamProtocol() != "" || rule.VirtualHost().PerFilterConfig() != nil {
			t.Error("the route knows more than names")
		}
	})
}

func TestTheUpstreamsRequestCannotBeTerminated(t *testing.T) {
	proxy := newFakeProxy()
	filter := setting("x-set")
	filter.send = filter.receive
	stream := newStream(inline(true, filter), proxy)
	if filter.receiver.TerminateStream(403) {
		t.Error("terminated before the request has come")
	}
	stream.DecodeHeaders(request(), true)
	if filter.receiver.TerminateStream(403) {
		t.Error("terminated while the upstream works")
	}
	if status := stream.EncodeHeaders(fakeMap(":status", "200"), true); status != envoyapi.Continue || len(proxy.replies) != 0 {
		t.Errorf("status %v, replies %v", status, proxy.replies)
	}
}

func TestTrailersCannotBeAdded(t *testing.T) {
	receiving(t, newFakeProxy(), request(), func(f *scripted, _ context.Context) {
		if f.receiver.SetRequestTrailers(plainHeaders{"x-t": {"1"}}); f.receiver.GetRequestTrailers() != nil {
			t.Error("trailers from nowhere")
		}
	})
}
